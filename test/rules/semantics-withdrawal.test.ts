import { describe, expect, it } from 'vitest'
import {
  type Application,
  type Handler,
  type Made,
  type Options,
  application,
  expressApplication,
  hosts,
} from '../support/application.ts'
import { latch } from '../support/latch.ts'

const token = '<input type="hidden" name="_csrf" value="a8f3c0d1e2b4a8f3c0d1e2b4">'

/** Answers below 500 that may not be stored. */
const refusals: Readonly<Record<string, Made>> = {
  'a redirection for now': { status: 302, fields: { Location: '/login' } },
  'an answer without content': { status: 204, body: null },
  'a 401': { status: 401 },
  'a 403': { status: 403 },
  'a 451': { status: 451 },
  'no-store': { fields: { 'Cache-Control': 'no-store' } },
  private: { fields: { 'Cache-Control': 'private' } },
  'a cookie': { fields: { 'Set-Cookie': 'id=1' } },
  'Vary: *': { fields: { Vary: '*' } },
  'a form with a token': {
    fields: { 'Content-Type': 'text/html' },
    body: `<form>${token}</form>`,
  },
}

const windows: Options = { staleWhileRevalidate: '1h', staleIfError: '1h' }

/** A page, then what takes it down, and then failures. */
function takenDown(answer: Made): Handler {
  return ({ run }) => (run === 1 ? {} : run === 2 ? answer : { status: 500 })
}

describe.each(hosts)('an answer that may not be stored, behind %s', (host) => {
  const opened = (handler: Handler, options: Options = windows): Promise<Application> =>
    application(handler, options, host)

  it.each(Object.entries(refusals))(
    'M-56: in the background, %s removes the stale page for good',
    async (_name, answer) => {
      const app = await opened(takenDown(answer))
      await app.get('/')
      app.advance(61)
      expect((await app.get('/')).body).toBe('made 1')
      await app.happened('refresh')
      expect(app.seen('refresh')).toMatchObject([{ outcome: 'removed' }])
      expect((await app.get('/')).status).toBe(500)
    },
  )

  it.each(Object.entries(refusals))(
    'M-56: in the foreground, %s keeps the stale page from standing in for later failures',
    async (_name, answer) => {
      const app = await opened(takenDown(answer), { staleIfError: '1h' })
      await app.get('/')
      app.advance(61)
      expect((await app.get('/')).status).toBe(answer.status ?? 200)
      expect((await app.get('/')).status).toBe(500)
    },
  )

  it.each([429, 500, 503])('M-56: a %i leaves the stale page where it is', async (status) => {
    const app = await opened(({ run }) => (run === 1 ? {} : { status }))
    await app.get('/')
    app.advance(61)
    await app.get('/')
    await app.happened('refresh')
    expect(app.seen('refresh')).toMatchObject([{ outcome: 'kept' }])
    expect((await app.get('/')).body).toBe('made 1')
  })

  it.each([401, 403, 404, 410, 451])(
    'M-56: a %i to HEAD takes the stale page down as one to GET',
    async (status) => {
      const app = await opened(
        ({ run }) => (run === 1 ? {} : { status: run === 2 ? status : 500 }),
        {
          staleIfError: '1h',
        },
      )
      await app.get('/')
      app.advance(61)
      expect((await app.head('/')).status).toBe(status)
      expect((await app.get('/')).status).toBe(500)
    },
  )

  it('M-56: a page that its handler calls noStore() for by now is removed', async () => {
    const app = await opened(({ run, draft }) => {
      if (run === 2) draft.noStore('a preview')
      return run > 2 ? { status: 500 } : {}
    })
    await app.get('/')
    app.advance(61)
    await app.get('/')
    await app.happened('refresh')
    expect((await app.get('/')).status).toBe(500)
  })

  it('M-56: a page that is made from all headers by now is removed', async () => {
    const app = await opened(({ run, request }) => {
      if (run === 2) request.rawHeaders.join()
      return run > 2 ? { status: 500 } : {}
    })
    await app.get('/')
    app.advance(61)
    await app.get('/')
    await app.happened('refresh')
    expect(app.seen('refresh')).toMatchObject([{ outcome: 'removed' }])
    expect((await app.get('/')).status).toBe(500)
  })

  it('M-56: the account page of a session that is over goes, and those of others stay', async () => {
    const sessions = new Set(['alice', 'bob'])
    const app = await opened(
      ({ request }) => {
        const [, id = ''] = /sid=(\w+)/.exec(request.headers.cookie ?? '') ?? []
        return sessions.has(id) ? { body: `account of ${id}` } : { status: 302 }
      },
      { ...windows, vary: ['cookie:sid'] },
    )
    const of = (id: string): Promise<{ status: number; body: string }> =>
      app.get('/account', { Cookie: `sid=${id}` })
    await of('alice')
    await of('bob')
    sessions.delete('alice')
    app.advance(61)
    expect((await of('alice')).body).toBe('account of alice')
    await app.happened('refresh')
    expect((await of('alice')).status).toBe(302)
    expect((await of('bob')).body).toBe('account of bob')
    expect(app.seen('hit').at(-1)).toMatchObject({ reason: 'stale-while-revalidate' })
  })

  it('M-56: an answer that reads nothing of the request removes every variant', async () => {
    let isDown = false
    const app = await opened(({ request }) =>
      isDown ? { status: 451 } : { body: String(request.headers['accept-language']) },
    )
    const read = (language: string): Promise<{ status: number }> =>
      app.get('/', { 'Accept-Language': language })
    await read('de')
    await read('en')
    isDown = true
    app.advance(61)
    expect((await read('de')).status).toBe(200)
    await app.happened('refresh')
    expect((await read('en')).status).toBe(451)
  })

  it('M-56: a refresh that began before the page was taken down does not bring it back', async () => {
    const held = latch()
    const startedAt = latch()
    const app = await opened(
      async ({ run, request }) => {
        if (run === 2) {
          startedAt.open()
          await held.opened
        }
        return run === 3 ? { status: 451 } : { body: `${request.url} ${run}` }
      },
      { ...windows, requestDirectives: true, collapse: false },
    )
    await app.get('/')
    app.advance(61)
    await app.get('/')
    await startedAt.opened
    expect((await app.get('/', { 'Cache-Control': 'no-cache' })).status).toBe(451)
    held.open()
    await app.happened('refresh')
    expect((await app.get('/')).body).toBe('/ 4')
  })
})

describe('an answer that may not be stored', () => {
  it('M-56: a 304 that says private takes back what it confirms', async () => {
    const app = await application(({ run }) => {
      if (run === 1) return { fields: { ETag: '"1"' } }
      return run === 2
        ? { status: 304, fields: { ETag: '"1"', 'Cache-Control': 'private' }, body: null }
        : { status: 500 }
    }, windows)
    await app.get('/')
    app.advance(61)
    await app.get('/')
    await app.happened('refresh')
    expect((await app.get('/')).status).toBe(500)
  })

  it('M-56: what one visitor is refused for his credentials leaves the page of the others', async () => {
    const app = await application(({ request }) => {
      const { authorization } = request.headers
      return authorization === 'Bearer forged' ? { status: 401 } : {}
    }, windows)
    await app.get('/')
    app.advance(61)
    expect((await app.get('/', { Authorization: 'Bearer forged' })).status).toBe(401)
    expect((await app.get('/')).body).toBe('made 1')
  })

  it.each([401, 302])(
    'M-56: a page that was made with credentials is renewed with them, and stays where others get a %i',
    async (status) => {
      const app = await application(
        ({ request, run }) =>
          request.headers.authorization === undefined
            ? { status }
            : run < 3
              ? { fields: { 'Cache-Control': 'public, max-age=60' } }
              : { status: 500 },
        windows,
      )
      const token = { Authorization: 'Bearer mine' }
      await app.get('/', token)
      expect((await app.get('/', token)).body).toBe('made 1')
      app.advance(61)
      expect((await app.get('/')).status).toBe(status)
      expect((await app.get('/', token)).body).toBe('made 1')
      expect(app.seen('refresh')).toEqual([])
    },
  )

  it('M-56: a refusal of a range or of a condition leaves the page', async () => {
    for (const status of [304, 412, 416]) {
      const app = await application(
        ({ run }) => (run === 1 ? {} : { status: run === 2 ? status : 500, body: null }),
        { staleIfError: '1h' },
      )
      await app.get('/')
      app.advance(61)
      expect((await app.get('/')).status, String(status)).toBe(status)
      expect((await app.get('/')).body).toBe('made 1')
    }
  })

  it('M-56: a route that is kept out of the cache by now removes what was stored of it', async () => {
    let isOff = false
    let isDown = false
    const app = await expressApplication((express, cache, self) => {
      const off = cache.route(false)
      express.use(cache)
      express.get(
        '/',
        (request, response, next) => (isOff ? off(request, response, next) : next()),
        (_request, response) => {
          response.status(isDown ? 500 : 200).send(`made ${++self.runs}`)
        },
      )
    }, windows)
    await app.get('/')
    isOff = true
    app.advance(61)
    await app.get('/')
    await app.until(() => app.runs === 2)
    isDown = true
    expect((await app.get('/')).status).toBe(500)
  })

  it('M-56: the failure of a fragment with a replacement leaves the page', async () => {
    const app = await expressApplication((express, cache, self) => {
      express.use(cache)
      express.get('/', async (_request, response) => {
        const run = ++self.runs
        response.send(
          await cache.fragment(`card ${run}`, { onError: () => 'sorry' }, () => {
            if (run > 1) throw new Error('the database is gone')
            return 'card'
          }),
        )
      })
    }, windows)
    await app.get('/')
    app.advance(61)
    await app.get('/')
    await app.happened('refresh')
    expect((await app.get('/')).body).toBe('card')
  })
})
