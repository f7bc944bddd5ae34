import { AsyncResource } from 'node:async_hooks'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { Router } from 'express'
import { Redis } from 'ioredis'
import { afterEach, describe, expect, it, onTestFinished } from 'vitest'
import { cacheFragment, dependsOn } from 'cacheflow'
import type {
  BypassReason,
  EventName,
  HitReason,
  MissReason,
  RefreshEvent,
  RefreshReason,
  UncacheableReason,
} from 'cacheflow'
import {
  type Application,
  type Handler,
  type Made,
  type Options,
  application,
  expressApplication,
} from '../support/application.ts'
import { RedisServer } from '../support/redis-server.ts'
import { Stops } from '../support/stops.ts'
import { until } from '../support/until.ts'

/** Opens an application and leads it to one event. */
type Story = () => Promise<Application>

/** An application with `why`, asked for its page. */
async function asked(
  made: Made | Handler,
  options: Options = {},
  headers: Record<string, string> = {},
): Promise<Application> {
  const app = await application(typeof made === 'function' ? made : () => made, {
    debug: true,
    ...options,
  })
  await app.get('/', headers)
  return app
}

/** An application that shares through a Redis of its own, and has heard of it. */
async function shared(
  redis: Readonly<Record<'maxStaleness', number>>,
): Promise<{ readonly app: Application; readonly server: RedisServer }> {
  const server = await RedisServer.start()
  onTestFinished(() => server[Symbol.asyncDispose]())
  const client = new Redis({ host: '127.0.0.1', port: server.port, lazyConnect: true })
  const app = await application(() => page, {
    debug: true,
    tags: ['site'],
    redis: { client, commandTimeout: '5s', ...redis },
  })
  await until('Redis is heard of', () => app.cache.status()?.connected === true)
  return { app, server }
}

const page: Made = { fields: { 'Content-Type': 'text/html' }, body: '<p>page</p>' }
const control = (value: string, made: Made = page): Made => ({
  ...made,
  fields: { ...made.fields, 'Cache-Control': value },
})

const hits: Readonly<Record<HitReason, Story>> = {
  fresh: async () => {
    const app = await asked(page)
    await app.get('/')
    return app
  },
  'stale-while-revalidate': async () => {
    const app = await asked(page, { staleWhileRevalidate: '1h' })
    app.advance(100)
    await app.get('/')
    return app
  },
  'max-stale': async () => {
    const app = await asked(page, { requestDirectives: true })
    app.advance(100)
    await app.get('/', { 'Cache-Control': 'max-stale' })
    return app
  },
  'stale-if-error': async () => {
    const app = await asked(({ run }) => ({ status: run === 1 ? 200 : 503 }), {
      staleIfError: '1h',
    })
    app.advance(100)
    await app.get('/')
    return app
  },
  validated: async () => {
    const app = await asked(({ draft }) =>
      draft.freshWhen({ id: 1, updatedAt: 1 }) ? { status: 304, body: null } : page,
    )
    app.advance(100)
    await app.get('/')
    return app
  },
  collapsed: async () => {
    const stops = new Stops()
    const app = await application(
      async () => {
        await stops.pass('inside')
        return page
      },
      { debug: true },
    )
    const stop = stops.place('inside')
    const first = app.get('/')
    await stop.reached
    const second = app.get('/')
    await app.arrived(2)
    stop.release()
    await Promise.all([first, second])
    return app
  },
}

const misses: Readonly<Record<MissReason, Story>> = {
  'uri-miss': () => asked(page),
  expired: async () => {
    const app = await asked(page)
    app.advance(100)
    await app.get('/')
    return app
  },
  invalidated: async () => {
    const app = await asked(page, { tags: ['site'] })
    await app.cache.invalidate({ tag: 'site' })
    await app.get('/')
    return app
  },
  evicted: async () => {
    const app = await asked(
      { body: 'x'.repeat(3_000) },
      { memory: { maxSize: 6_000, maxEntrySize: 5_000 } },
    )
    await app.get('/other')
    await app.get('/')
    return app
  },
  verify: async () => {
    const app = await asked(page, { verify: true })
    await app.get('/')
    return app
  },
  warm: async () => {
    const app = await asked(page)
    const origin = `http://127.0.0.1:${app.port}`
    await app.cache.warm(app.server, { pages: ['/'], force: true, origin })
    return app
  },
  disconnected: async () => {
    const { app, server } = await shared({ maxStaleness: 300 })
    await app.get('/')
    await server.kill()
    // The page counts from the last answer of Redis, or from its own beginning: both are over then.
    await until('Redis is unheard', () => (app.cache.status()?.lastHeartbeat ?? 0) > 600)
    await app.get('/')
    return app
  },
  'vary-miss': async () => {
    const app = await asked(
      { ...page, fields: { Vary: 'Accept-Language' } },
      {},
      { 'Accept-Language': 'de' },
    )
    await app.get('/', { 'Accept-Language': 'en' })
    return app
  },
  'no-cache': async () => {
    const app = await asked(control('no-cache', { ...page, fields: { ETag: '"v1"' } }))
    await app.get('/')
    return app
  },
  request: async () => {
    const app = await asked(page, { requestDirectives: true })
    await app.get('/', { 'Cache-Control': 'no-cache' })
    return app
  },
  'hit-for-miss': async () => {
    const app = await asked(control('private'))
    await app.get('/')
    return app
  },
}

const bypasses: Readonly<Record<BypassReason, Story>> = {
  method: async () => {
    const app = await asked(page)
    await app.ask('/', { method: 'POST' })
    return app
  },
  credentials: () => asked(page, {}, { Authorization: 'Bearer a' }),
  cookie: () => asked(page, { observe: false }, { Cookie: 'a=1' }),
  session: () => asked(page, { session: () => null }),
  body: () => asked(page, {}, { 'Content-Length': '1', Connection: 'close' }),
  precondition: () => asked(page, {}, { 'If-Match': '"a"' }),
  target: async () => {
    const app = await asked(page)
    await app.get('http://evil.example/')
    return app
  },
  upgrade: () => asked(page, {}, { Expect: '100-continue' }),
  off: async () => {
    const app = await asked(page)
    await app.cache.close()
    await app.get('/')
    return app
  },
  error: () =>
    asked(page, {
      key: () => {
        throw new Error('no key')
      },
    }),
}

const never = (): Promise<string> => new Promise(() => undefined)

/** A handler that reads something of its request before it answers. */
const reading =
  (read: (request: Parameters<Handler>[0]['request']) => unknown, made: Made = page): Handler =>
  ({ request }) => {
    read(request)
    return made
  }

const refusals: Readonly<Record<UncacheableReason, Story>> = {
  status: () => asked({ status: 500 }),
  context: async () => {
    // The context of another request, as a callback out of a queue has it.
    let other = (run: () => void): void => run()
    const app = await expressApplication(
      (express, cache) => {
        express.use(cache)
        express.get('/other', (_request, response) => {
          dependsOn({ tag: 'a' })
          other = AsyncResource.bind((run: () => void) => run())
          response.send('other')
        })
        express.get('/', (_request, response) => other(() => response.send('page')))
      },
      { debug: true },
    )
    await app.get('/other')
    await app.get('/')
    return app
  },
  promise: () =>
    asked(
      () => {
        // oxlint-disable-next-line typescript/no-base-to-string, typescript/restrict-template-expressions -- the mistake itself
        const body = `<p>${cacheFragment('part', never) as unknown as string}</p>`
        return { ...page, body }
      },
      { fragments: { strict: false } },
    ),
  'no-store': () => asked(control('no-store')),
  private: () => asked(control('private')),
  'must-understand': () => asked(control('must-understand, max-age=60', { status: 299 })),
  'set-cookie': () => asked({ ...page, fields: { 'Set-Cookie': 'sid=1' } }),
  'vary-any': () => asked({ ...page, fields: { Vary: '*' } }),
  authorization: () => asked(page, {}, { Authorization: 'Bearer a' }),
  partial: () => asked({ status: 206, fields: { 'Content-Range': 'bytes 0-1/5' } }),
  'event-stream': () => asked({ fields: { 'Content-Type': 'text/event-stream' } }),
  trailers: () => asked({ fields: { Trailer: 'X-Sum' } }),
  'no-lifetime': () => asked(page, { maxAge: false }),
  'stale-on-arrival': () => asked(control('max-age=0')),
  'no-validator': () => asked(control('no-cache')),
  'credentials-read': () =>
    asked(
      reading(({ headers }) => headers.authorization, control('max-age=60, must-revalidate')),
      {},
      { Authorization: 'Bearer a' },
    ),
  'cookie-read': () =>
    asked(
      reading(({ headers }) => headers.cookie),
      {},
      { Cookie: 'a=1' },
    ),
  'session-read': () => asked(reading((request) => Reflect.get(request, 'session'))),
  'user-read': () => asked(reading((request) => Reflect.get(request, 'user'))),
  'session-early': () =>
    asked(
      reading((request) => Reflect.get(request, 'session')),
      { session: (request) => (Reflect.get(request, 'user') as string | undefined) ?? 'guest' },
    ),
  'headers-read': () => asked(reading(({ rawHeaders }) => rawHeaders.length)),
  'connection-read': () => asked(reading(({ socket }) => socket.remotePort)),
  unobserved: async () => {
    const app = await expressApplication(
      (express, cache) => {
        const router = Router()
        router.use(cache)
        router.get('/', (_request, response) => void response.send('page'))
        express.use(router)
      },
      { debug: true },
    )
    await app.get('/')
    return app
  },
  operational: async () => {
    const app = await application(() => ({ body: 'ok' }), { debug: true })
    await app.get('/healthz')
    return app
  },
  'query-seen': async () => {
    const app = await expressApplication(
      (express, cache) => {
        express.use((_request, _response, next) => next())
        express.use(cache)
        express.get('/', (_request, response) => void response.send('page'))
      },
      { debug: true, query: { only: [] } },
    )
    await app.get('/?utm=x')
    return app
  },
  encoding: () =>
    asked(
      reading(({ headers }) => headers['accept-encoding'], {
        ...page,
        fields: { 'Content-Encoding': 'br' },
      }),
      {},
      { 'Accept-Encoding': 'gzip' },
    ),
  'csrf-token': () => asked({ ...page, body: '<input name="_csrf" value="x">' }),
  'csp-nonce': () =>
    asked({
      fields: { ...page.fields, 'Content-Security-Policy': "script-src 'nonce-abc'" },
      body: '<script nonce="abc">',
    }),
  'request-shown': () =>
    asked(
      ({ request }) => ({ body: `for ${request.headers['user-agent']}` }),
      {},
      { 'User-Agent': 'Mozilla/5.0 (X11)' },
    ),
  draft: () =>
    asked(({ draft }) => {
      draft.noStore('a preview')
      return page
    }),
  'request-no-store': () => asked(page, {}, { 'Cache-Control': 'no-store' }),
  'too-large': () => asked({ body: 'x'.repeat(2_000) }, { memory: { maxEntrySize: 1_000 } }),
  crowded: async () => {
    const stops = new Stops()
    const app = await expressApplication(
      (express, cache) => {
        express.use(cache)
        express.get('/', async (_request, response) => {
          response.write('x'.repeat(700))
          await stops.pass('inside')
          response.end('x'.repeat(700))
        })
        express.get('/beside', (_request, response) => {
          response.write('x'.repeat(1_400))
          response.end()
        })
      },
      { debug: true, memory: { maxSize: 2_000, maxEntrySize: 2_000 } },
    )
    const stop = stops.place('inside')
    const answer = app.get('/')
    await stop.reached
    await app.get('/beside')
    await app.get('/beside?again')
    stop.release()
    await answer
    return app
  },
  incomplete: async () => {
    const app = await expressApplication(
      (express, cache) => {
        express.use(cache)
        express.get('/', (_request, response) => {
          response.write('the first half')
          response.destroy()
        })
      },
      { debug: true },
    )
    await app.get('/').catch(() => undefined)
    await app.happened('uncacheable')
    return app
  },
  invalidated: async () => {
    const stops = new Stops()
    const app = await application(
      async () => {
        await stops.pass('inside')
        return page
      },
      { debug: true, tags: ['site'] },
    )
    const stop = stops.place('inside')
    const answer = app.get('/')
    await stop.reached
    await app.cache.invalidate({ tag: 'site' })
    stop.release()
    await answer
    return app
  },
  'method-changed': () => asked(reading((request) => (request.method = 'DELETE'))),
  off: async () => {
    const app = await expressApplication(
      (express, cache) => {
        express.use(cache)
        express.get('/', (_request, response) => {
          void cache.close()
          response.send('page')
        })
      },
      { debug: true },
    )
    await app.get('/')
    return app
  },
  error: () =>
    asked(page, {
      tags: ['site'],
      surrogate: {
        name: 'broken',
        header: 'X-Tags',
        encode: () => {
          throw new Error('cannot encode')
        },
      },
    }),
}

/** A page served stale, and what its refresh came to. */
async function refreshed(handler: Handler, options: Options, soft: boolean): Promise<Application> {
  const app = await asked(handler, options)
  if (soft) await app.cache.invalidate({ all: true }, { soft })
  else app.advance(100)
  await app.get('/')
  await app.happened('refresh')
  return app
}

const refreshes: Readonly<Record<RefreshReason, Readonly<Record<RefreshEvent['outcome'], Story>>>> =
  {
    'stale-while-revalidate': outcomes(false),
    soft: outcomes(true),
  }

function outcomes(soft: boolean): Readonly<Record<RefreshEvent['outcome'], Story>> {
  const options: Options = soft ? {} : { staleWhileRevalidate: '1h' }
  return {
    stored: () => refreshed(() => page, options, soft),
    validated: () =>
      refreshed(
        ({ request }) =>
          request.headers['if-none-match'] === '"v1"'
            ? { status: 304, body: null }
            : { ...page, fields: { ETag: '"v1"' } },
        options,
        soft,
      ),
    kept: () => refreshed(({ run }) => (run === 1 ? page : { status: 500 }), options, soft),
    removed: () => refreshed(({ run }) => (run === 1 ? page : { status: 451 }), options, soft),
  }
}

/** Each story under its reason. */
function stories(table: Readonly<Record<string, Story>>): readonly (readonly [string, Story])[] {
  return Object.entries(table)
}

const ends: (() => void)[] = []
afterEach(() => {
  for (const end of ends.splice(0)) end()
})

/** What all diagnostics channels tell until the test is over. */
function channels(): { readonly name: string; readonly event: unknown }[] {
  const told: { name: string; event: unknown }[] = []
  for (const name of names) {
    const listener = (event: unknown): void => void told.push({ name, event })
    subscribe(`cacheflow:${name}`, listener)
    ends.push(() => unsubscribe(`cacheflow:${name}`, listener))
  }
  return told
}

const names: readonly EventName[] = [
  'hit',
  'miss',
  'bypass',
  'store',
  'uncacheable',
  'refresh',
  'invalidate',
  'evict',
  'redis',
  'unconfirmed',
  'reset',
  'audit',
  'warning',
  'error',
]

describe.each([
  ['hit', hits],
  ['miss', misses],
  ['bypass', bypasses],
  ['uncacheable', refusals],
] as const)('the event %s', (name, table) => {
  it.each(stories(table))(
    'tells the reason %s, to listeners and to its diagnostics channel',
    async (reason, story) => {
      const told = channels()
      const app = await story()
      await app.until(() => app.seen(name).some((event) => event.reason === reason))
      const seen = app.events.map(({ name: of, ...event }) => ({ name: of, event }))
      expect(told).toEqual(seen)
      for (const event of app.seen(name)) {
        expect(event.url).toMatch(/^(\/|http:)/)
        expect(event.method).toMatch(/^[A-Z]+$/)
      }
    },
  )
})

describe.each(Object.entries(refreshes))('the event refresh, for reason %s', (reason, table) => {
  it.each(stories(table))('tells the outcome %s', async (outcome, story) => {
    const told = channels()
    const app = await story()
    expect(app.seen('refresh')).toMatchObject([{ key: `${app.origin}/`, reason, outcome }])
    expect(told.filter(({ name }) => name === 'refresh').map(({ event }) => event)).toMatchObject([
      { reason, outcome },
    ])
  })
})

describe('the other events', () => {
  it('store tells what was stored, how large, for how long, and under what', async () => {
    const app = await asked(
      ({ draft }) => {
        draft.tag('posts')
        return { fields: { Vary: 'Accept-Language' }, body: '12345' }
      },
      { maxAge: '90s', tags: ['site'] },
    )
    expect(app.seen('store')).toEqual([
      expect.objectContaining({
        key: `${app.origin}/`,
        route: undefined,
        status: 200,
        bytes: 5,
        ttl: 90,
        tags: ['site', 'posts'],
        vary: ['accept-language'],
      }),
    ])
  })

  it('hit tells age and remaining life', async () => {
    const app = await asked(page)
    app.advance(20)
    await app.get('/')
    expect(app.seen('hit')).toMatchObject([{ age: 20, ttl: 40, reason: 'fresh' }])
  })

  it('miss tells what felled the response', async () => {
    const app = await misses.invalidated()
    expect(app.seen('miss').map(({ invalidatedBy: by }) => by)).toEqual([undefined, 'tag:site'])
  })

  it('bypass tells the header that decided', async () => {
    const app = await bypasses.credentials()
    expect(app.seen('bypass')).toMatchObject([{ reason: 'credentials', detail: 'authorization' }])
  })

  it('invalidate tells the dependency, its number and the keys', async () => {
    const app = await misses.invalidated()
    expect(app.seen('invalidate')).toEqual([
      {
        dependency: 'tag:site',
        sequence: 1,
        soft: false,
        spread: 0,
        keys: [`${app.origin}/`],
        name: 'invalidate',
      },
    ])
  })

  it('evict tells the key and the bytes', async () => {
    const app = await misses.evicted()
    const [event] = app.seen('evict')
    expect(event?.key).toBe(`${app.origin}/`)
    expect(event?.bytes).toBeGreaterThan(3_000)
  })

  it('redis tells that Redis answers, and that it does not any more, with the reason', async () => {
    const { app, server } = await shared({ maxStaleness: 90 })
    expect(app.seen('redis').at(-1)).toMatchObject({ connected: true, error: undefined })
    app.forget()
    await server.kill()
    await app.happened('redis')
    expect(app.seen('redis')).toMatchObject([{ connected: false, error: expect.any(Error) }])
    await server.restart()
    await app.happened('redis', 2)
    expect(app.seen('redis')[1]).toMatchObject({ connected: true, error: undefined })
  })

  it('unconfirmed tells what Redis has not confirmed, and later that it has', async () => {
    const { app, server } = await shared({ maxStaleness: 90 })
    await server.kill()
    await expect(app.cache.invalidate({ tag: 'site' })).rejects.toMatchObject({
      code: 'ERR_CACHEFLOW_UNCONFIRMED',
      cause: expect.any(Error),
    })
    const dependencies = ['tag:site']
    expect(app.seen('unconfirmed')).toMatchObject([
      { dependencies, confirmed: false, error: expect.any(Error) },
    ])
    expect(app.cache.status()?.unconfirmed).toBe(1)
    await server.restart()
    await app.happened('unconfirmed', 2)
    expect(app.seen('unconfirmed')[1]).toMatchObject({ dependencies, confirmed: true })
    expect(app.cache.status()?.unconfirmed).toBe(0)
  })

  it('flush tells that Redis has lost what it knew, and how many entries went', async () => {
    const { app, server } = await shared({ maxStaleness: 90 })
    await app.get('/a')
    await app.get('/b')
    await server.command('FLUSHALL')
    await app.happened('reset')
    expect(app.seen('reset')).toMatchObject([{ reason: 'epoch', entries: 2 }])
  })

  it('flush tells that missed invalidations are not known any more', async () => {
    const { app, server } = await shared({ maxStaleness: 90 })
    await app.get('/')
    // A number of which there is neither a message nor a line in the log.
    await server.command('HINCRBY', '{cf}:rd:ver', 'seq', 1)
    await app.happened('reset')
    expect(app.seen('reset')).toMatchObject([{ reason: 'log-gap', entries: 1 }])
  })

  it('fault tells the error and what was being done', async () => {
    const answering = await bypasses.error()
    expect(answering.seen('error')).toMatchObject([
      { error: new Error('no key'), during: 'answering from the cache' },
    ])
    const storing = await refusals.error()
    expect(storing.seen('error')).toMatchObject([{ error: new Error('cannot encode') }])
  })
})

describe('with why', () => {
  // Who waited for another is not asked again here.
  const repeatable = stories(hits).filter(([reason]) => reason !== 'collapsed')

  it.each(repeatable)('a hit says %s', async (reason, story) => {
    const app = await story()
    const answer = await lastAnswer(app, reason)
    const why = String(answer['cacheflow-debug'])
    expect(why).toMatch(new RegExp(`^hit: ${reason}; age=\\d+; ttl=-?\\d+$`))
    expect(answer['server-timing']).toBe(`cacheflow;desc="${why}"`)
  })

  /** Leads to the same hit again, to see its headers. */
  async function lastAnswer(app: Application, reason: string): Promise<Record<string, unknown>> {
    if (reason === 'validated') app.advance(100)
    const headers: Record<string, string> =
      reason === 'max-stale' ? { 'Cache-Control': 'max-stale' } : {}
    if (reason === 'stale-while-revalidate') {
      await app.happened('refresh')
      app.advance(100)
    }
    return (await app.get('/', headers)).headers
  }

  it('a miss says why, and why its response is not stored', async () => {
    const app = await application(() => ({ ...page, fields: { 'Set-Cookie': 'sid=1' } }), {
      debug: true,
    })
    const { headers } = await app.get('/')
    expect(headers['cacheflow-debug']).toBe('miss: uri-miss; not stored: set-cookie sid')
    expect(headers['server-timing']).toBe(
      'cacheflow;desc="miss: uri-miss; not stored: set-cookie sid"',
    )
    expect((await app.get('/')).headers['cacheflow-debug']).toBe(
      'miss: hit-for-miss; not stored: set-cookie sid',
    )
  })

  it('a bypass says why', async () => {
    const app = await application(() => page, { debug: true })
    const { headers } = await app.ask('/', { method: 'POST' })
    expect(headers['cacheflow-debug']).toBe('bypass: method')
    expect((await app.get('/', { 'If-Match': '"a"' })).headers['cacheflow-debug']).toBe(
      'bypass: precondition',
    )
  })

  it('a hit names the inputs that it was chosen by', async () => {
    const app = await asked({ ...page, fields: { Vary: 'Accept-Language, DNT' } })
    const { headers } = await app.get('/')
    expect(headers['cacheflow-debug']).toBe('hit: fresh; age=0; ttl=60; vary: accept-language dnt')
  })

  it('Server-Timing is one quoted text, whatever the reason has in it', async () => {
    const app = await application(
      ({ request }) => ({ body: String(request.headers[request.url === '/' ? 'a' : 'b']) }),
      { debug: true, key: () => 'a "quoted" \\ key' },
    )
    for (let i = 0; i < 2; i++) {
      const timing = String((await app.get('/')).headers['server-timing'])
      expect(timing).toMatch(/^cacheflow;desc="[^"\\]*"$/)
    }
  })

  it('Server-Timing of the application stays beside ours', async () => {
    const app = await application(() => ({ ...page, fields: { 'Server-Timing': 'db;dur=5' } }), {
      debug: true,
    })
    expect((await app.get('/')).headers['server-timing']).toBe(
      'db;dur=5, cacheflow;desc="miss: uri-miss"',
    )
    const hit = (await app.get('/')).headers['server-timing']
    expect(hit).toContain('cacheflow;desc="hit: fresh; age=0; ttl=60"')
    expect(hit).toContain('db;dur=5')
  })

  it('what comes from outside cannot break out of the header (S-39)', async () => {
    const app = await application(
      ({ draft }) => {
        draft.noStore('a "quoted"\r\nX-Evil: é\\')
        return page
      },
      { debug: true },
    )
    const { headers, status } = await app.get('/')
    expect(status).toBe(200)
    expect(headers['x-evil']).toBeUndefined()
    expect(headers['cacheflow-debug']).toBe(
      'miss: uri-miss; not stored: draft a "quoted"??X-Evil: ?\\',
    )
    expect(headers['server-timing']).toBe(
      'cacheflow;desc="miss: uri-miss; not stored: draft a quoted??X-Evil: ?"',
    )
  })

  it('off, no response says why: neither hit, miss, 304 nor bypass', async () => {
    const app = await application(() => ({ ...page, fields: { ETag: '"v1"' } }), { debug: false })
    const answers = [
      await app.get('/'),
      await app.get('/'),
      await app.get('/', { 'If-None-Match': '"v1"' }),
      await app.ask('/', { method: 'POST' }),
    ]
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 304, 200])
    for (const { headers } of answers) {
      expect(headers['cacheflow-debug']).toBeUndefined()
      expect(headers['server-timing']).toBeUndefined()
    }
  })
})

describe('Cache-Status', () => {
  it('shows no key by default, and with debug it does (S-34)', async () => {
    const plain = await asked(page)
    expect((await plain.get('/?secret=1')).headers['cache-status']).toBe(
      'cacheflow; fwd=uri-miss; stored',
    )
    const debug = await application(() => page, { cacheStatus: 'debug' })
    expect((await debug.get('/?x=1')).headers['cache-status']).toContain(
      `key="${debug.origin}/?x=1"`,
    )
    expect((await debug.get('/?x=1')).headers['cache-status']).toContain(
      `key="${debug.origin}/?x=1"`,
    )
    const off = await application(() => page, { cacheStatus: false })
    expect((await off.get('/')).headers['cache-status']).toBeUndefined()
    expect((await off.get('/')).headers['cache-status']).toBeUndefined()
  })
})

describe('a warning', () => {
  const reasons = [
    'set-cookie',
    'session-read',
    'user-read',
    'cookie-read',
    'credentials-read',
    'headers-read',
    'csrf-token',
    'csp-nonce',
    'vary-any',
    'no-validator',
  ] as const satisfies readonly UncacheableReason[]

  it.each(reasons)('of %s says what to do', async (reason) => {
    const app = await refusals[reason]()
    expect(app.seen('warning')).toMatchObject([{ reason, route: '/' }])
    const [{ message } = { message: '' }] = app.seen('warning')
    expect(message).toMatch(
      new RegExp(`^/ is not cached \\(${reason}(: .+)?\\)\\. [A-Z].{30,}\\.$`),
    )
  })

  it('comes once for a route, whatever its parameters', async () => {
    const app = await expressApplication((express, cache) => {
      express.use(cache)
      express.get('/posts/:id', (_request, response) => void response.cookie('a', '1').send('page'))
      express.get('/other', (_request, response) => void response.cookie('a', '1').send('page'))
    })
    for (const path of ['/posts/1', '/posts/2', '/posts/1', '/other']) await app.get(path)
    expect(app.seen('uncacheable').length).toBe(4)
    expect(app.seen('warning').map(({ route }) => route)).toEqual(['/posts/:id', '/other'])
  })

  it('of the plain will of the application does not come', async () => {
    for (const story of [refusals['no-store'], refusals.private, refusals.draft, refusals.status]) {
      expect((await story()).seen('warning')).toEqual([])
    }
  })
})

describe('a warning that nobody listens to', () => {
  async function printed(why: boolean): Promise<Error[]> {
    const warnings: Error[] = []
    const listener = (warning: Error): void => void warnings.push(warning)
    process.on('warning', listener)
    onTestFinished(() => void process.off('warning', listener))
    const app = await application(() => ({ ...page, fields: { 'Set-Cookie': 'a=1' } }), {
      debug: why,
    })
    app.deafen('warning')
    await app.get('/')
    await app.get('/')
    await new Promise((resolve) => setImmediate(resolve))
    return warnings.filter(({ name }) => name === 'CacheflowWarning')
  }

  it('is printed once, with why', async () => {
    const warnings = await printed(true)
    expect(warnings.map(({ message }) => message)).toEqual([
      expect.stringMatching(/^\/ is not cached \(set-cookie: a\)\. It sets a cookie/),
    ])
  })

  it('is not printed without why', async () => {
    expect(await printed(false)).toEqual([])
  })
})

describe('listeners', () => {
  it('that fail become fault events, and the page is the same', async () => {
    const app = await application(() => page)
    for (const name of names) {
      if (name === 'error') continue
      app.cache.on(name, () => {
        throw new Error(`no ${name}`)
      })
    }
    const first = await app.get('/')
    const second = await app.get('/')
    expect([first.body, second.body, second.headers['cache-status']]).toEqual([
      '<p>page</p>',
      '<p>page</p>',
      'cacheflow; hit; ttl=60',
    ])
    expect(app.seen('error').map(({ during }) => during)).toEqual([
      "a listener of 'miss'",
      "a listener of 'store'",
      "a listener of 'hit'",
    ])
  })

  it('end with what on() returned', async () => {
    const app = await application(() => page)
    let told = 0
    const end = app.cache.on('miss', () => told++)
    await app.get('/1')
    end()
    await app.get('/2')
    expect(told).toBe(1)
  })

  it('to a name that is no event are an error', async () => {
    const app = await application(() => page)
    expect(() => app.cache.on('hits' as never, () => undefined)).toThrow('ERR_CACHEFLOW_EVENT')
  })
})
