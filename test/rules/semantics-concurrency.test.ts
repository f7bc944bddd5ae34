import { request as open } from 'node:http'
import type { Response } from 'express'
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import {
  type Answer,
  type Application,
  type Made,
  type Visit,
  application,
  expressApplication,
  hosts,
} from '../support/application.ts'
import { latch, meeting } from '../support/latch.ts'

const crowd = 12

afterEach(() => {
  vi.useRealTimers()
})

/** So many equal requests at once. */
function crowdAt(app: Application, size = crowd): Promise<Answer>[] {
  return Array.from({ length: size }, async () => app.get('/'))
}

describe.each(hosts)('collapsing behind %s', (host) => {
  it('M-48: many equal requests at once run the application once', async () => {
    const held = latch()
    const app = await application(
      async () => {
        await held.opened
        return {}
      },
      {},
      host,
    )
    const answers = crowdAt(app)
    await app.arrived(crowd)
    expect(app.cache.stats().inFlight).toBe(1)
    held.open()
    for (const answer of answers) expect((await answer).body).toBe('made 1')
    expect(app.runs).toBe(1)
    expect(app.cache.stats()).toMatchObject({ inFlight: 0, misses: 1, hits: crowd - 1 })
  })

  it.each([
    ['private', { fields: { 'Cache-Control': 'private' } }],
    ['no-store', { fields: { 'Cache-Control': 'no-store' } }],
    ['one that sets a cookie', { fields: { 'Set-Cookie': 'sid=1' } }],
    ['Vary: *', { fields: { Vary: '*' } }],
    ['an error', { status: 500 }],
    ['none of the statuses that are kept', { status: 403 }],
  ] satisfies [string, Made][])(
    'M-49: when the answer is %s, those who waited run side by side, each for itself',
    async (_what, unshareable) => {
      const held = latch()
      const inside = meeting(crowd - 1)
      const app = await application(
        async ({ run }) => {
          if (run === 1) await held.opened
          else await inside()
          return unshareable
        },
        {},
        host,
      )
      const answers = crowdAt(app)
      await app.arrived(crowd)
      expect(app.runs).toBe(1)
      held.open()
      const bodies = new Set<string>()
      for (const answer of answers) bodies.add((await answer).body)
      expect(bodies.size).toBe(crowd)
      expect(app.runs).toBe(crowd)
      expect(app.cache.stats()).toMatchObject({ inFlight: 0, entries: 0 })
    },
  )
})

// Behind other middleware nothing begun before an invalidation is stored, be it only that middleware's reading.
describe.each(hosts.filter((host) => host !== 'koa behind others'))(
  'collapsing first in %s',
  (host) => {
    it('M-48: those who waited for what an invalidation overtook wait for one again, once', async () => {
      const held = [latch(), latch()]
      const inside = meeting(crowd - 2)
      const app = await application(
        async ({ run }) => {
          if (run > 2) await inside()
          else await held[run - 1]?.opened
          return {}
        },
        {},
        host,
      )
      const answers = crowdAt(app)
      await app.arrived(crowd)
      await app.cache.invalidate({ url: '/' })
      held[0]?.open()
      await app.happened('uncacheable')
      expect(app.refusals).toEqual(['invalidated'])
      expect(app.runs).toBe(2)
      // A second time they are not held up: on a page that is always overtaken they must get an answer, too.
      await app.cache.invalidate({ url: '/' })
      held[1]?.open()
      for (const answer of answers) expect((await answer).status).toBe(200)
      expect(app.runs).toBe(crowd)
    })
  },
)

describe('collapsing', () => {
  it('M-7: two who ask at one time get a cookie each', async () => {
    const held = latch()
    const app = await application(async ({ run }) => {
      if (run === 1) await held.opened
      return { fields: { 'Cache-Control': 'public, max-age=60', 'Set-Cookie': `sid=${run}` } }
    })
    const answers = crowdAt(app, 3)
    await app.arrived(3)
    held.open()
    const cookies = await Promise.all(
      answers.map(async (answer) => (await answer).headers['set-cookie']),
    )
    expect(new Set(cookies.map(String))).toEqual(new Set(['sid=1', 'sid=2', 'sid=3']))
  })

  it('M-48: it can be turned off', async () => {
    const inside = meeting(3)
    const app = await application(
      async () => {
        await inside()
        return {}
      },
      { collapse: false },
    )
    const answers = crowdAt(app, 2)
    await app.arrived(2)
    expect(app.cache.stats().inFlight).toBe(0)
    for (const answer of [...answers, app.get('/')]) await answer
    expect(app.runs).toBe(3)
  })

  it('M-48: other URLs, methods, hosts and audiences do not wait', async () => {
    const inside = meeting(6)
    const app = await application(
      async () => {
        await inside()
        return {}
      },
      { session: (request) => String(request.headers['x-user'] ?? 'all') },
    )
    await Promise.all([
      app.get('/'),
      app.get('/?x'),
      app.head('/'),
      app.ask('/', { method: 'POST' }),
      app.get('/', { Host: 'other.example' }),
      app.get('/', { 'X-User': 'alice' }),
    ])
    expect(app.runs).toBe(6)
  })

  it('M-2: a request that forbids storing holds nobody up, and may share what others store', async () => {
    const held = latch()
    const inside = meeting(2)
    const app = await application(async ({ run }) => {
      if (run < 3) await inside()
      if (run === 2) await held.opened
      return {}
    })
    const secret = app.get('/', { 'Cache-Control': 'no-store' })
    await app.arrived(1)
    const leader = app.get('/')
    expect((await secret).body).toBe('made 1')
    const follower = app.get('/', { 'Cache-Control': 'no-store' })
    await app.arrived(3)
    held.open()
    expect([(await leader).body, (await follower).body]).toEqual(['made 2', 'made 2'])
  })

  it('M-48: nor do variants that are known', async () => {
    let inside = meeting(1)
    const app = await application(async () => {
      await inside()
      return { fields: { Vary: 'X-A' } }
    })
    await app.get('/', { 'X-A': '0' })
    inside = meeting(2)
    const answers = ['1', '2', '1', '2'].map(async (a) => app.get('/', { 'X-A': a }))
    for (const answer of answers) await answer
    expect(app.runs).toBe(3)
  })

  it('M-48: a Range request runs for itself, and so do those with credentials', async () => {
    const inside = meeting(3)
    const app = await application(async () => {
      await inside()
      return {}
    })
    await Promise.all([
      app.get('/'),
      app.get('/', { Range: 'bytes=0-1' }),
      app.get('/', { Authorization: 'Bearer a' }),
    ])
    expect(app.runs).toBe(3)
  })

  it('M-48: what is stale is validated once for all', async () => {
    const held = latch()
    const app = await application(async ({ run }) => {
      const fields = { ETag: '"1"' }
      if (run === 1) return { fields }
      await held.opened
      return { status: 304, fields, body: null }
    })
    await app.get('/')
    app.advance(61)
    const answers = crowdAt(app)
    await app.arrived(1 + crowd)
    held.open()
    for (const answer of answers)
      expect(await answer).toMatchObject({ status: 200, body: 'made 1' })
    expect(app.runs).toBe(2)
  })

  it("M-49: a page that says it is one visitor's frees the others before its body is done", async () => {
    const held = latch()
    let runs = 0
    const app = await expressApplication((express, cache) => {
      express.use(cache)
      express.get('/', (_request, response) => {
        const run = ++runs
        response.set('Cache-Control', 'private').write(`first ${run}, `)
        if (run > 1) response.end('second')
        else void held.opened.then(() => response.end('second'))
      })
    })
    const leader = app.get('/')
    await app.arrived(1)
    expect((await app.get('/')).body).toBe('first 2, second')
    held.open()
    expect((await leader).body).toBe('first 1, second')
  })

  it('M-49: so does one whose variant is not theirs', async () => {
    const held = latch()
    const inside = meeting(2)
    const app = await application(async ({ run, request }) => {
      if (run === 1) await held.opened
      else await inside()
      return { fields: { Vary: 'X-A' }, body: `for ${request.headers['x-a']}` }
    })
    const answers = ['1', '2', '3', '1'].map(async (a) => app.get('/', { 'X-A': a }))
    await app.arrived(4)
    held.open()
    const bodies = await Promise.all(answers.map(async (answer) => (await answer).body))
    expect(bodies).toEqual(['for 1', 'for 2', 'for 3', 'for 1'])
    expect(app.runs).toBe(3)
  })

  it('M-49: a key that could not be stored is remembered: nobody waits there for `hitForMiss`', async () => {
    const step = { inside: meeting(1) }
    const app = await application(
      async () => {
        await step.inside()
        return { fields: { 'Cache-Control': 'private' } }
      },
      { hitForMiss: '30s' },
    )
    await app.get('/')
    step.inside = meeting(crowd)
    for (const answer of crowdAt(app)) await answer
    expect(app.seen('miss').at(-1)).toMatchObject({ reason: 'hit-for-miss' })

    // After it, the next crowd has a leader again.
    app.advance(30)
    const held = latch()
    step.inside = () => held.opened
    const runs = app.runs
    const later = crowdAt(app, 3)
    await app.arrived(1 + crowd + 3)
    expect(app.runs).toBe(runs + 1)
    step.inside = meeting(2)
    held.open()
    for (const answer of later) await answer
  })

  it('M-49: a key that could be stored again is forgotten', async () => {
    const held = latch()
    const app = await application(async ({ run }) => {
      if (run === 1) return { fields: { 'Cache-Control': 'private' } }
      if (run > 2) await held.opened
      return {}
    })
    await app.get('/')
    expect((await app.get('/')).body).toBe('made 2')
    app.advance(61)
    const answers = crowdAt(app)
    await app.arrived(2 + crowd)
    held.open()
    for (const answer of answers) expect((await answer).body).toBe('made 3')
  })

  it('M-49: a failure is of the moment: the next crowd waits for one again', async () => {
    const held = latch()
    const app = await application(async ({ run }) => {
      if (run === 1) return { status: 503 }
      await held.opened
      return {}
    })
    await app.get('/')
    const answers = crowdAt(app)
    await app.arrived(1 + crowd)
    held.open()
    for (const answer of answers) expect((await answer).body).toBe('made 2')
  })

  it('M-49: a handler that throws fails its own visitor, and the others run side by side', async () => {
    const held = latch()
    const inside = meeting(crowd - 1)
    const app = await application(async ({ run }) => {
      if (run > 1) {
        await inside()
        return { fields: { 'Cache-Control': 'private' } }
      }
      await held.opened
      throw new Error('only the first time')
    })
    const answers = crowdAt(app)
    await app.arrived(crowd)
    held.open()
    const statuses = await Promise.all(answers.map(async (answer) => (await answer).status))
    expect(statuses.filter((status) => status === 500)).toHaveLength(1)
    expect(statuses.filter((status) => status === 200)).toHaveLength(crowd - 1)
  })

  it('M-50: nobody waits longer than `collapse.timeout`', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const held = latch()
    const inside = meeting(2)
    const app = await application(
      async ({ run }) => {
        if (run === 1) await held.opened
        else await inside()
        return {}
      },
      { collapse: { timeout: '3s' } },
    )
    const leader = app.get('/')
    await app.arrived(1)
    const followers = crowdAt(app, 2)
    await app.arrived(3)
    await vi.advanceTimersByTimeAsync(2_999)
    expect(app.runs).toBe(1)
    await vi.advanceTimersByTimeAsync(1)
    const bodies = await Promise.all(followers.map(async (answer) => (await answer).body))
    expect(bodies.toSorted()).toEqual(['made 2', 'made 3'])
    held.open()
    expect((await leader).body).toBe('made 1')
    expect(vi.getTimerCount()).toBe(0)
  })

  it('M-50: no timer is left of those who did not wait that long', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const held = latch()
    const app = await application(async () => {
      await held.opened
      return {}
    })
    const answers = crowdAt(app, 3)
    await app.arrived(3)
    expect(vi.getTimerCount()).toBe(2)
    held.open()
    for (const answer of answers) await answer
    expect(vi.getTimerCount()).toBe(0)
  })

  it('M-50: the first visitor gets bytes as they are made, while others wait for all of them', async () => {
    const held = latch()
    let runs = 0
    const app = await expressApplication((express, cache) => {
      express.use(cache)
      express.get('/', (_request, response) => {
        runs++
        response.set('Cache-Control', 'max-age=60').write('first, ')
        void held.opened.then(() => response.end('second'))
      })
    })
    const first = latch()
    const leader = new Promise<string>((resolve) => {
      open(`${app.origin}/`, { agent: false }, (response) => {
        let text = ''
        response.setEncoding('utf8')
        response.on('data', (chunk: string) => {
          text += chunk
          first.open()
        })
        response.on('end', () => resolve(text))
      }).end()
    })
    await first.opened
    const follower = app.get('/')
    await app.arrived(2)
    held.open()
    expect(await leader).toBe('first, second')
    const shared = await follower
    expect([shared.body, shared.headers['content-length'], runs]).toEqual([
      'first, second',
      '13',
      1,
    ])
  })

  it('M-50: whoever leads and leaves does no harm to those who wait', async () => {
    const held = latch()
    const left = latch()
    const app = await expressApplication((express, cache, self) => {
      express.use(cache)
      express.get('/', (_request, response: Response) => {
        const run = ++self.runs
        if (run > 1) {
          response.send('whole')
          return
        }
        response.on('close', () => left.open())
        void held.opened.then(() => response.send('whole'))
      })
    })
    const leader = open(`${app.origin}/`, { agent: false })
    leader.on('error', () => undefined)
    leader.end()
    await app.arrived(1)
    const followers = crowdAt(app, 3)
    await app.arrived(4)
    leader.destroy()
    await left.opened
    for (const answer of followers)
      expect(await answer).toMatchObject({ status: 200, body: 'whole' })
    held.open()
    expect((await app.get('/')).body).toBe('whole')
    expect(app.cache.stats().inFlight).toBe(0)
  })

  it('M-50: whoever waits and leaves costs nobody anything', async () => {
    const held = latch()
    const app = await application(async ({ run }) => {
      if (run === 1) await held.opened
      return { fields: { 'Cache-Control': 'private' } }
    })
    const leader = app.get('/')
    await app.arrived(1)
    const follower = open(`${app.origin}/`, { agent: false })
    follower.on('error', () => undefined)
    follower.end()
    await app.arrived(2)
    const gone = new Promise((resolve) => follower.on('close', resolve))
    follower.destroy()
    await gone
    // The server hears of it with its next look at the connection.
    await app.head('/other')
    held.open()
    expect((await leader).body).toBe('made 1')
    expect(app.runs).toBe(2)
  })

  it('M-50: a leader that dies in the middle takes nobody with it', async () => {
    const held = latch()
    const app = await expressApplication((express, cache, self) => {
      express.use(cache)
      express.get('/', (_request, response) => {
        if (++self.runs > 1) {
          response.send('whole')
          return
        }
        response.set('Content-Length', '100').write('half')
        void held.opened.then(() => response.destroy())
      })
    })
    const leader = app.get('/').catch((error: unknown) => String(error))
    await app.arrived(1)
    const followers = crowdAt(app, 3)
    await app.arrived(4)
    held.open()
    expect(await leader).toBe('Error: aborted')
    for (const answer of followers) expect((await answer).body).toBe('whole')
  })

  it('M-51: what is shared by waiting is what is stored: its variant, lifetime, age and validators', async () => {
    const held = latch()
    const handler = async ({ request }: Visit): Promise<Made> => {
      await held.opened
      return {
        fields: { Vary: 'X-A', 'Cache-Control': 'max-age=60', Age: '20', ETag: '"1"' },
        body: `for ${request.headers['x-a']}`,
      }
    }
    const app = await application(handler)
    const answers = crowdAt(app, 2)
    await app.arrived(2)
    held.open()
    const [, follower] = await Promise.all(answers)
    const hit = await app.get('/')
    const { 'cache-status': told, ...fields } = follower?.headers ?? {}
    const { 'cache-status': known, ...same } = hit.headers
    expect(fields).toEqual(same)
    expect([told, known]).toEqual([
      'cacheflow; fwd=uri-miss; ttl=40; collapsed',
      'cacheflow; hit; ttl=40',
    ])
  })
})

describe('M-48: a streamed page that one client does not read', () => {
  const sizes = { maxAge: '10s', staleWhileRevalidate: '1m' } as const

  /** The first client holds up its page until the test ends. */
  async function heldUp(): Promise<{ readonly app: Application; runs(): number }> {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
    const held = latch()
    onTestFinished(() => held.open())
    let runs = 0
    const app = await expressApplication((express, cache) => {
      express.use(cache)
      express.get('/', (_request, response) => {
        const run = ++runs
        response.write('page ')
        if (run === 1) void held.opened.then(() => response.end(`${run}`))
        else response.end(`${run}`)
      })
    }, sizes)
    void app.get('/').catch(() => undefined)
    await app.arrived(1)
    return { app, runs: () => runs }
  }

  it('holds up those who come for collapse.timeout once, and not at each expiry', async () => {
    const { app, runs } = await heldUp()
    const follower = app.get('/')
    await app.arrived(2)
    expect(runs()).toBe(1)
    await vi.advanceTimersByTimeAsync(5_000)
    expect((await follower).body).toBe('page 2')
    for (const run of [3, 4]) {
      app.advance(600)
      expect((await app.get('/')).body).toBe(`page ${run}`)
    }
  })

  it('holds up nobody who comes when it has taken longer than collapse.timeout', async () => {
    const { app, runs } = await heldUp()
    await vi.advanceTimersByTimeAsync(5_000)
    expect((await app.get('/')).body).toBe('page 2')
    expect(runs()).toBe(2)
  })

  it('frees those who wait as soon as another request has stored it', async () => {
    const { app, runs } = await heldUp()
    const early = app.get('/')
    await app.arrived(2)
    await vi.advanceTimersByTimeAsync(4_000)
    const late = app.get('/')
    await app.arrived(3)
    await vi.advanceTimersByTimeAsync(1_000)
    expect([(await early).body, (await late).body]).toEqual(['page 2', 'page 2'])
    expect(runs()).toBe(2)
  })

  it('holds back no refresh', async () => {
    const { app } = await heldUp()
    await vi.advanceTimersByTimeAsync(5_000)
    expect((await app.get('/')).body).toBe('page 2')
    for (const run of [2, 3]) {
      app.advance(20)
      expect((await app.get('/')).body).toBe(`page ${run}`)
      await app.happened('refresh', run - 1)
    }
  })
})
