import cookieParser from 'cookie-parser'
import { describe, expect, it } from 'vitest'
import { application } from '../support/application.ts'
import { expressStages, pageStages } from '../support/stages.ts'

/** Pairs of values that run into each other when they are joined by a character that they may contain. */
const joined = [
  ',',
  '|',
  '&',
  ':',
  ';',
  '=',
  '-',
  '/',
  ' ',
  '\t',
  '%',
  '\\',
  '"',
  '\u0080',
].flatMap((by) => [[`1${by}2`, '3'] as const, ['1', `2${by}3`] as const])

for (const { name: stage, open } of pageStages) {
  describe(stage, () => {
    it('S-9: two fields of Vary never run into one, whatever stands in them', async () => {
      const app = await open({
        page: ({ headers }) => ({
          fields: { Vary: 'X-A, X-B' },
          body: JSON.stringify([headers['x-a'], headers['x-b']]),
        }),
      })
      for (const [a, b] of [...joined, ...joined]) {
        const { body } = await app.get('/', { 'X-A': a, 'X-B': b })
        expect(body).toBe(JSON.stringify([a, b].map((value) => value.replace(/\s+$/, ''))))
      }
    })

    it('S-9: an absent field, an empty one and one that says so are three', async () => {
      const app = await open({
        page: ({ headers }) => ({ body: JSON.stringify(headers['x-a'] ?? null) }),
      })
      const values = [undefined, '', '-', '0:', 'undefined', 'null', ';', '=0:;']
      for (const value of [...values, ...values]) {
        const { body } = await app.get('/', value === undefined ? {} : { 'X-A': value })
        expect(body).toBe(JSON.stringify(value ?? null))
      }
    })

    it("S-9: no URL is another one's variant, neither to read it nor to take its place", async () => {
      const app = await open({
        page: ({ url, headers }) =>
          url === '/p'
            ? { body: `a page for ${headers['x-a']}` }
            : { status: 404, fields: { 'Cache-Control': 'max-age=60' }, body: 'evil' },
      })
      const attacks = ['3:x-a=1:1;', '%20vary%203:x-a=1:1;', ';3:x-a=1:1;', '?3:x-a=1:1;']
      for (const value of ['2', '1']) {
        await app.get('/p', { 'X-A': value })
        for (const attack of attacks) {
          expect((await app.get(`/p${attack}`, { 'X-A': '1' })).body).toBe('evil')
        }
      }
      for (const value of ['1', '2']) {
        expect((await app.get('/p', { 'X-A': value })).body).toBe(`a page for ${value}`)
      }
    })

    it('S-9: what key() returns cannot write the key of a session', async () => {
      const app = await open({
        options: {
          key: (request) => fieldOf(request, 'x-key') ?? 'none',
          session: (request) => fieldOf(request, 'x-user') ?? null,
        },
        page: ({ headers }) => ({ body: `${headers['x-key']} for ${headers['x-user']}` }),
      })
      const visitors = [
        ['a', 'alice'],
        ['a session 5:alice', 'bob'],
        ['1:a session 5:alice', 'bob'],
        ['a', 'bob'],
        ['a', '5:alice'],
        ['a session 3:bob', 'alice'],
        ['a vary 3:x-a-;', 'alice'],
        ['a', 'alice vary 3:x-a-;'],
        ['a', ' '],
      ] as const
      for (const [key, user] of [...visitors, ...visitors]) {
        const { body } = await app.get('/', { 'X-Key': key, 'X-User': user })
        expect(body).toBe(`${key} for ${user.trim()}`)
      }
    })

    it('S-29: names that every object has are names like others', async () => {
      const names = [
        '__proto__',
        'constructor',
        'prototype',
        'tostring',
        'valueof',
        '__definegetter__',
      ]
      const app = await open({
        page: ({ url = '', headers }) => {
          const name = decodeURIComponent(url.slice(1).split('?', 1)[0] ?? '')
          const own = Object.hasOwn(headers, name) ? headers[name] : 'none'
          return { fields: { Vary: name }, body: `${url} ${String(own)}` }
        },
      })
      for (const name of names) {
        const isKept = name !== '__proto__'
        for (const query of ['', `?${name}=1`, `?${name}[x]=1`]) {
          for (const value of [undefined, 'evil', undefined, 'evil', 'other']) {
            const { status, body } = await app.get(
              `/${name}${query}`,
              value === undefined ? {} : { [name]: value },
            )
            const shown = isKept ? value : undefined
            expect([status, body]).toEqual([200, `/${name}${query} ${shown ?? 'none'}`])
          }
        }
      }
      expect(app.seen('error')).toEqual([])
      expect(Object.keys(Object.prototype)).toEqual([])
    })

    it('S-29: nor do they trouble key(), session(), vary, query and credentials', async () => {
      const app = await open({
        options: {
          vary: ['__proto__', 'constructor', 'cookie:__proto__', 'cookie:constructor'],
          query: { ignore: ['__proto__', 'constructor'] },
          credentials: ['__proto__', 'constructor'],
          tags: ['__proto__', 'constructor'],
          key: () => '__proto__',
        },
        page: ({ url }) => ({ body: url ?? '' }),
      })
      expect((await app.get('/?__proto__=1&constructor=2')).body).toBe('/')
      expect((await app.get('/', { Cookie: '__proto__=1; constructor=2' })).body).toBe('/')
      expect(app.seen('error')).toEqual([])
      for (const tag of ['toString', '__proto__', 'constructor']) {
        await expect(app.cache.invalidate({ tag })).resolves.toMatchObject({ fragments: 0 })
      }
    })
  })
}

for (const { name: stage, open } of expressStages) {
  describe(stage, () => {
    it('S-9: cookies never run into each other, whatever stands in them', async () => {
      const app = await open({
        before: [cookieParser()],
        handler: ({ cookies }, response) => {
          response.send(JSON.stringify([cookieOf(cookies, 'a'), cookieOf(cookies, 'b')]))
        },
      })
      const headers: [string, unknown[]][] = [
        ['a=1; b=2', ['1', '2']],
        ['a=1', ['1', null]],
        ['b=1', [null, '1']],
        ['a=; b=1', ['', '1']],
        ['a=1b=2', ['1b=2', null]],
        ['a=1; a=2', ['1', null]],
        ['a=2; a=1', ['2', null]],
        ['a="1"', ['1', null]],
        ['a=%31', ['1', null]],
        ['a=-', ['-', null]],
        ['a=1;b=2', ['1', '2']],
        ['x=1; a', [null, null]],
        ['a=8:cookie:b=1:2;', ['8:cookie:b=1:2', null]],
      ]
      for (const [Cookie, seen] of [...headers, ...headers]) {
        expect([Cookie, JSON.parse((await app.get('/', { Cookie })).body)]).toEqual([Cookie, seen])
      }
      expect(JSON.parse((await app.get('/')).body)).toEqual([null, null])
    })

    it('S-29: cookies called __proto__ and constructor are cookies', async () => {
      const app = await open({
        before: [cookieParser()],
        handler: ({ cookies }, response) => {
          response.send(
            `${String(cookieOf(cookies, 'constructor'))} ${String(Object.hasOwn(cookies as object, '__proto__'))}`,
          )
        },
      })
      for (const [Cookie, shown] of [
        ['constructor=1', '1'],
        ['x=1', 'null'],
        ['constructor=2; __proto__=1', '2'],
        ['__proto__=1', 'null'],
        ['constructor=1', '1'],
      ] as const) {
        expect((await app.get('/', { Cookie })).body.split(' ')[0]).toBe(shown)
      }
      expect(app.seen('error')).toEqual([])
    })
  })
}

describe('invalidation', () => {
  it('S-9: a tag fells what has that tag, and nothing that its letters spell otherwise', async () => {
    const tags = [
      'a',
      'b',
      'a b',
      'a,b',
      ' a',
      'a ',
      'A',
      'tag:a',
      'path:/a',
      'url:http://x/',
      'a"',
      '{a}',
      'a:b',
      'ä',
      'route:/',
    ]
    const app = await application(({ request, draft }) => {
      draft.tag(tags[Number(request.url?.slice(1))] ?? '')
      return {}
    })
    for (const [i, tag] of tags.entries()) {
      for (const path of tags.keys()) await app.get(`/${path}`)
      const { keys } = await app.cache.invalidate({ tag })
      expect(keys, tag).toEqual([`${app.origin}/${i}`])
    }
  })

  it('S-9: a URL fells that URL on that host', async () => {
    const app = await application(() => ({}))
    const hosts = ['a.example', 'a.example:80', 'b.example']
    for (const Host of hosts)
      for (const path of ['/x', '/x?y', '/x/y']) await app.get(path, { Host })
    const { keys } = await app.cache.invalidate({ url: 'http://a.example/x' })
    expect(keys).toEqual(['http://a.example/x'])
  })
})

function fieldOf(request: unknown, name: string): string | undefined {
  const { headers } = request as { headers: Record<string, string | undefined> }
  return headers[name]
}

function cookieOf(cookies: unknown, name: string): unknown {
  const value = Object.hasOwn(cookies as object, name)
    ? (cookies as Record<string, unknown>)[name]
    : null
  return value ?? null
}
