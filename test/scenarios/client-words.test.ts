import { describe, expect, it } from 'vitest'
import { expressStages, koaStages, pageStages } from '../support/stages.ts'

/** What a client may put into a path, a query or a header. */
const words = ['x'.repeat(300), '%0a', '%00%7f', '%F0%9F%8D%AA'.repeat(100)]

describe.each(expressStages)('$name', ({ open }) => {
  it('a tag that a client has made is a tag, however long it is and whatever is in it', async () => {
    const app = await open({
      handler: (request, response) => {
        const name = decodeURIComponent(request.path)
        response.locals.cacheflow.tag(`post:${name}`)
        response.send(`page ${app.runs}`)
      },
    })
    for (const word of words) {
      const first = await app.get(`/${word}`)
      expect(first.status).toBe(200)
      expect((await app.get(`/${word}`)).body).toBe(first.body)
      await app.cache.invalidate({ tag: `post:${decodeURIComponent(`/${word}`)}` })
      expect((await app.get(`/${word}`)).body).not.toBe(first.body)
    }
  })
})

describe.each(koaStages)('$name', ({ open }) => {
  it('a tag that a client has made is a tag, however long it is and whatever is in it', async () => {
    const app = await open({
      handler: (ctx) => {
        ctx.state.cacheflow.tag(`post:${decodeURIComponent(ctx.path)}`)
        ctx.body = `page ${app.runs}`
      },
    })
    for (const word of words) {
      const first = await app.get(`/${word}`)
      expect(first.status).toBe(200)
      expect((await app.get(`/${word}`)).body).toBe(first.body)
    }
  })
})

/** Queries of which `?tag=posts` is the one that was meant. */
const noTags = ['/', '/?tag=', '/?tag=a&tag=b']

describe.each(expressStages)('$name', ({ open }) => {
  it('what a client sends in place of a tag is answered and not stored, and told', async () => {
    const app = await open({
      options: { fragments: { strict: false } },
      handler: (request, response) => {
        response.locals.cacheflow.tag(request.query['tag'] as string)
        response.send(`page ${app.runs}`)
      },
    })
    for (const url of noTags) {
      const [first, second] = [await app.get(url), await app.get(url)]
      expect([first.status, second.status, first.body === second.body]).toEqual([200, 200, false])
    }
    await app.happened('uncacheable')
    expect(app.seen('uncacheable').at(-1)).toMatchObject({
      reason: 'draft',
      detail: expect.stringContaining('tag() was given') as string,
    })
  })
})

describe.each(koaStages)('$name', ({ open }) => {
  it('what a client sends in place of a tag is answered and not stored, and told', async () => {
    const app = await open({
      options: { fragments: { strict: false } },
      handler: (ctx) => {
        ctx.state.cacheflow.tag(ctx.query['tag'] as string)
        ctx.body = `page ${app.runs}`
      },
    })
    for (const url of noTags) {
      const [first, second] = [await app.get(url), await app.get(url)]
      expect([first.status, second.status, first.body === second.body]).toEqual([200, 200, false])
    }
  })
})

/** What a client asks the application to read: `/?h=x-theme`. */
function asked(url: string | undefined): string[] {
  return new URL(url ?? '', 'http://x').searchParams.getAll('h')
}

describe.each(pageStages)('$name', ({ open }) => {
  it('S-29: a name that a client has made is read, and answers no 500', async () => {
    const app = await open({
      page: ({ url, headers }) => ({
        body: asked(url)
          .map((name) => String(headers[name]))
          .join(),
      }),
    })
    for (const word of [
      ...words,
      'a%20b',
      'a%0d%0ab:c',
      '%C3%A9',
      '(',
      '',
      ':',
      '%22',
      'x,y',
      ';',
    ]) {
      for (let i = 0; i < 2; i++) {
        const { status, body, headers } = await app.get(`/?h=${word}`)
        expect([word, status, body]).toEqual([word, 200, 'undefined'])
        expect(headers['vary'] ?? '').not.toMatch(/[^\w, -]/)
      }
    }
  })

  it('S-27: names without number are read, and neither kept nor sent', async () => {
    const app = await open({
      page: ({ url, headers }) => {
        const count = Number(asked(url)[0])
        for (let i = 0; i < count; i++) void headers[`x-${i}`]
        return {}
      },
    })
    const { headers } = await app.get('/?h=20000')
    expect((headers['vary'] ?? '').length).toBeLessThan(5_000)
    expect(app.refusals).toContain('vary-any')
    expect(app.seen('store')).toEqual([])
    await app.get('/?h=60')
    expect(app.seen('store')).toHaveLength(1)
  })
})

it('S-27: names that one key has gathered from many requests are bounded, too', async () => {
  const stage = pageStages[0] as (typeof pageStages)[number]
  const app = await stage.open({
    page: ({ headers }) => ({ body: String(headers[String(headers['x-name'])]) }),
  })
  for (let i = 0; i < 200; i++) await app.get('/', { 'X-Name': `x-${i}` })
  expect(app.seen('store').every(({ vary }) => vary.length <= 64)).toBe(true)
  const vary = ['a'.repeat(5_000), Array.from({ length: 70 }, (_, i) => `x-${i}`).join(', ')]
  const other = await stage.open({
    page: ({ url }) => ({ fields: { Vary: vary[Number(url?.slice(1))] ?? '' } }),
  })
  for (const n of vary.keys()) await other.get(`/${n}`)
  expect(other.refusals).toEqual(['vary-any', 'vary-any'])
})
