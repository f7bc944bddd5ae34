import { Agent, type RequestListener, createServer, request as ask } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setImmediate as turn } from 'node:timers/promises'
import { inspect } from 'node:util'
import cookieParser from 'cookie-parser'
import type { Request, RequestHandler } from 'express'
import session from 'express-session'
import fc from 'fast-check'
import type Koa from 'koa'
import type { Context, Middleware } from 'koa'
import koaSession from 'koa-session'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Application } from '../support/application.ts'
import {
  bareExpress,
  bareExpress4,
  bareKoa,
  bareKoa2,
  expressStages,
  koaStages,
} from '../support/stages.ts'

/** One look at the request, and what it sees. */
type Input<Native> = (native: Native) => unknown

/**
 * A handler as a decision program: it looks at one thing of the request, goes on by what it saw, and its page is all that
 * it saw. Whoever gets another one's page gets another text.
 */
interface Program<Index = number> {
  readonly look: Index
  /** Goes on in another turn of the loop. */
  readonly later: boolean
  readonly next: readonly Program[]
}

/** The looks of middleware before the handler (and before the cache, where its place has a before), then the handler's. */
interface Plan {
  readonly before: readonly number[]
  readonly program: Program
}

const names = [
  'x-a',
  'x-b',
  'accept',
  'accept-language',
  'x-requested-with',
  'constructor',
] as const

const expressInputs: readonly Input<Request>[] = [
  ...names.flatMap((name): Input<Request>[] => [
    ({ headers }) => headers[name],
    (request) => request.get(name),
    ({ headers }) => Object.hasOwn(headers, name) && String(headers[name]),
    ({ headers: { [name]: value } }) => value,
    ({ headers }) => name in headers && Object.hasOwn(headers, name),
  ]),
  ({ headers }) => Object.entries(headers).find(([name]) => name === 'x-a'),
  ({ headers }) => ({ ...headers })['x-b'],
  ({ rawHeaders }) => rawHeaders.includes('X-A'),
  ({ headersDistinct }) => headersDistinct['x-a'],
  ({ headers }) => headers.cookie,
  ({ headers }) => headers.authorization,
  (request) => jarOf(request)['theme'],
  (request) => jarOf(request)['sid'],
  (request) => Object.hasOwn(jarOf(request), 'theme'),
  (request) => 'theme' in jarOf(request),
  (request) => Object.keys(jarOf(request)).filter((name) => name !== 'connect.sid'),
  (request) => JSON.stringify(jarOf(request)).includes('dark'),
  (request) => inspect(jarOf(request)).includes('dark'),
  ({ headers }) => inspect(headers).includes('light'),
  (request) => inspect(request).includes('x-a'),
  (request) => (Reflect.get(request, 'session') as { user?: string } | undefined)?.user,
  (request) => Reflect.get(request, 'user') as unknown,
  ({ ip }) => ip,
  ({ ips }) => ips,
  ({ hostname }) => hostname,
  ({ protocol }) => protocol,
  ({ secure }) => secure,
  ({ subdomains }) => subdomains,
  ({ headers }) => headers.host,
  ({ xhr }) => xhr,
  (request) => request.accepts(['json', 'html']),
  (request) => request.acceptsLanguages('de', 'en'),
  ({ query }) => query['q'],
  ({ url }) => url,
  ({ socket }) => socket.remoteAddress,
]

const koaInputs: readonly Input<Context>[] = [
  ...names.flatMap((name): Input<Context>[] => [
    (ctx) => ctx.get(name),
    ({ headers }) => headers[name] !== undefined && Object.hasOwn(headers, name) && headers[name],
    ({ req }) => Object.hasOwn(req.headers, name) && req.headers[name],
    ({ request }) => Object.hasOwn(request.header, name),
  ]),
  ({ headers }) => Object.entries(headers).find(([name]) => name === 'x-a'),
  ({ req }) => req.rawHeaders.includes('X-A'),
  ({ headers }) => inspect(headers).includes('light'),
  (ctx) => inspect(ctx).includes('x-a'),
  ({ req }) => inspect(req).includes('x-a'),
  ({ headers }) => headers.cookie,
  ({ headers }) => headers.authorization,
  ({ cookies }) => cookies.get('theme'),
  ({ cookies }) => cookies.get('theme', { signed: false }),
  ({ cookies }) => cookies.get('sid', { signed: false }),
  (ctx) => (ctx['session'] as { user?: string } | undefined)?.user,
  ({ state }) => state['user'] as unknown,
  ({ ip }) => ip,
  ({ ips }) => ips,
  ({ hostname }) => hostname,
  ({ host }) => host,
  ({ protocol }) => protocol,
  ({ secure }) => secure,
  ({ origin }) => origin,
  ({ headers }) => headers.host,
  (ctx) => ctx.accepts('json', 'html'),
  (ctx) => ctx.acceptsLanguages('de', 'en'),
  ({ query }) => query['q'],
  ({ url }) => url,
  ({ socket }) => socket.remoteAddress,
]

function jarOf(request: Request): Record<string, string> {
  return request.cookies as Record<string, string>
}

function plans(inputs: number): fc.Arbitrary<Plan> {
  const look = fc.nat(inputs - 1)
  const { program } = fc.letrec<{ program: Program }>((tie) => ({
    program: fc.record({
      look,
      later: fc.boolean(),
      next: fc.oneof(
        { depthSize: 'small' },
        fc.constant([]),
        fc.array(tie('program'), { minLength: 1, maxLength: 3 }),
      ),
    }),
  }))
  return fc.record({ before: fc.array(look, { maxLength: 2 }), program })
}

/** The fields of one visitor's request; none of them is on the list of noise, and User-Agent counts by its class. */
const visitors = fc.record(
  {
    'X-A': fc.constantFrom('1', '2', ''),
    'X-B': fc.constantFrom('1', 'a,b'),
    Accept: fc.constantFrom(
      'text/html',
      'application/json',
      '*/*',
      'text/html;q=0.1,application/json',
    ),
    'Accept-Language': fc.constantFrom('de', 'en', 'en;q=0.5,de'),
    'X-Requested-With': fc.constant('XMLHttpRequest'),
    'X-User': fc.constantFrom('alice', 'bob'),
    constructor: fc.constantFrom('1', '2'),
    Authorization: fc.constantFrom('Bearer A', 'Bearer B'),
    Cookie: fc.constantFrom(
      'theme=dark',
      'theme=light',
      'sid=1; theme=dark',
      'sid=1',
      'sid=2',
      'login',
    ),
    Host: fc.constantFrom('a.shop.example', 'b.shop.example'),
    'X-Forwarded-For': fc.constantFrom('1.1.1.1', '2.2.2.2', '1.1.1.1, 2.2.2.2'),
    'X-Forwarded-Host': fc.constantFrom('a.shop.example', 'c.shop.example'),
    'X-Forwarded-Proto': fc.constantFrom('http', 'https'),
  },
  { requiredKeys: ['Host'] },
)
type Visitor = Readonly<Record<string, string>>

const site = fc.record({
  trust: fc.boolean(),
  user: fc.boolean(),
  session: fc.boolean(),
  isTogether: fc.boolean(),
  visits: fc.array(fc.tuple(visitors as fc.Arbitrary<Visitor>, fc.constantFrom('/', '/?q=1')), {
    minLength: 4,
    maxLength: 9,
  }),
})

async function run<Native>(
  program: Program,
  inputs: readonly Input<Native>[],
  native: Native,
  seen: unknown[],
): Promise<unknown[]> {
  if (program.later) await turn()
  const saw = shown(inputs[program.look]?.(native))
  seen.push(saw)
  const next = program.next.length === 0 ? undefined : program.next[sum(saw) % program.next.length]
  return next === undefined ? seen : run(next, inputs, native, seen)
}

/** Functions too: `headers.constructor` is one where no such field came. */
function shown(value: unknown): string {
  return typeof value === 'function' ? 'a function' : JSON.stringify(value ?? null)
}

function sum(text: string): number {
  return Array.from(text).reduce((total, char) => total + (char.codePointAt(0) ?? 0), 0)
}

/** Two servers whose application each run replaces: one has a cache, the other has none. */
class Stand {
  listener: RequestListener = (_, response) => void response.end()
  readonly #server = createServer((request, response) => this.listener(request, response))
  readonly #agent = new Agent({ keepAlive: true })

  async open(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve))
  }

  close(): void {
    this.#agent.destroy()
    this.#server.closeAllConnections()
    this.#server.close()
  }

  see(path: string, headers: Visitor): Promise<string> {
    const { port } = this.#server.address() as AddressInfo
    return new Promise((resolve, reject) => {
      const client = ask({ host: '127.0.0.1', port, path, headers, agent: this.#agent })
      client.on('error', reject).on('response', (response) => {
        let body = ''
        response.on('data', (chunk) => (body += String(chunk)))
        response.on('end', () => resolve(`${response.statusCode} ${body}`))
      })
      client.end()
    })
  }
}

const cached = new Stand()
const plain = new Stand()
beforeAll(async () => {
  await cached.open()
  await plain.open()
})
afterAll(() => {
  cached.close()
  plain.close()
})

interface Setting {
  readonly trust: boolean
  readonly user: boolean
  readonly session: boolean
}

/** What mounts one application, with its cache in place or without one. */
type Mount = (application: Application) => { readonly listener: RequestListener }

function holds(
  make: (plan: Plan, setting: Setting) => readonly [Mount, Mount],
  inputs: number,
): void {
  it('S-1: no two requests that a handler can tell apart share an answer', async () => {
    const clock = { now: Date.UTC(2026, 2, 4, 12), runs: 0 } as Application
    await fc.assert(
      fc.asyncProperty(plans(inputs), site, async (plan, { visits, isTogether, ...setting }) => {
        const [withCache, without] = make(plan, setting)
        cached.listener = withCache(clock).listener
        plain.listener = without(clock).listener
        const login = await cookieOf(plain, setting)
        const asked = visits.map(([{ Cookie, ...headers }, path]): [Visitor, string] => {
          const cookie = Cookie === 'login' ? login : Cookie
          return [cookie === undefined ? headers : { ...headers, Cookie: cookie }, path]
        })
        const expected: string[] = []
        for (const [headers, path] of asked) expected.push(await plain.see(path, headers))
        const got: string[] = []
        if (isTogether) {
          got.push(
            ...(await Promise.all(asked.map(([headers, path]) => cached.see(path, headers)))),
          )
        } else {
          for (const [headers, path] of asked) got.push(await cached.see(path, headers))
        }
        expect(got).toEqual(expected)
      }),
      { numRuns: Number(process.env['PROPERTY_RUNS'] ?? 12) },
    )
  })
}

async function cookieOf(stand: Stand, { session: hasSession }: Setting): Promise<string> {
  const answer = hasSession ? await stand.see('/login', { Host: 'a.shop.example' }) : ''
  return / (.*=.*)$/.exec(answer)?.[1] ?? 'sid=3'
}

const secret = 'a key for tests'

for (const stage of expressStages) {
  describe(stage.name, () => {
    holds((plan, { trust, user, session: hasSession }) => {
      const store = new session.MemoryStore()
      const looks = new WeakMap<object, unknown[]>()
      const before: RequestHandler[] = [cookieParser()]
      if (hasSession) {
        before.push(
          session({ secret, store, resave: false, saveUninitialized: false }),
          (request, response, next) => {
            if (request.path !== '/login') next()
            else {
              Object.assign(Reflect.get(request, 'session') as object, { user: 'alice' })
              // The cookie comes with the head; the test reads it from the body.
              response.write('')
              const [cookie = ''] = [response.getHeader('set-cookie')].flat()
              response.end(String(cookie).split(';', 1)[0])
            }
          },
        )
      }
      if (user) {
        before.push((request, _response, next) => {
          const who = request.get('x-user')
          if (who !== undefined) Reflect.set(request, 'user', who)
          next()
        })
      }
      before.push((request, _response, next) => {
        looks.set(
          request,
          plan.before.map((index) => shown(expressInputs[index]?.(request))),
        )
        next()
      })
      const make = {
        before,
        settings: { 'trust proxy': trust },
        handler: async (request: Request, response: { json(body: unknown): unknown }) => {
          response.json(
            await run(plan.program, expressInputs, request, [...(looks.get(request) ?? [])]),
          )
        },
      }
      const bare = stage.name.startsWith('Express 4') ? bareExpress4 : bareExpress
      return [(a) => stage.mount(make, a), (a) => bare.mount(make, a)]
    }, expressInputs.length)
  })
}

for (const stage of koaStages) {
  describe(stage.name, () => {
    holds((plan, { trust, user, session: hasSession }) => {
      const looks = new WeakMap<object, unknown[]>()
      const sessions = new WeakMap<object, Middleware>()
      const before: Middleware[] = []
      if (hasSession) {
        before.push((ctx, next) => sessions.get(ctx.app)?.(ctx, next) as unknown)
        before.push(async (ctx, next) => {
          if (ctx.path !== '/login') await next()
          else {
            ;(ctx['session'] as { user: string }).user = 'alice'
            ;(ctx['session'] as unknown as { save(): void }).save()
            await (
              ctx['session'] as unknown as { manuallyCommit(): Promise<void> }
            ).manuallyCommit()
            const [cookie = ''] = [ctx.res.getHeader('set-cookie')].flat()
            ctx.body = String(cookie).split(';', 1)[0]
          }
        })
      }
      if (user) {
        before.push(async (ctx, next) => {
          const who = ctx.get('x-user')
          if (who !== '') ctx.state['user'] = who
          await next()
        })
      }
      before.push(async (ctx, next) => {
        looks.set(
          ctx.req,
          plan.before.map((index) => shown(koaInputs[index]?.(ctx))),
        )
        await next()
      })
      const make = {
        before,
        setUp: (app: Koa) => {
          app.proxy = trust
          if (hasSession) sessions.set(app, koaSession({ signed: false }, app))
        },
        handler: async (ctx: Context) => {
          ctx.body = await run(plan.program, koaInputs, ctx, [...(looks.get(ctx.req) ?? [])])
        },
      }
      const bare = stage.name.startsWith('Koa 2') ? bareKoa2 : bareKoa
      return [(a) => stage.mount(make, a), (a) => bare.mount(make, a)]
    }, koaInputs.length)
  })
}
