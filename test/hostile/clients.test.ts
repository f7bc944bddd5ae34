import {
  type IncomingMessage,
  type RequestListener,
  type ServerResponse,
  createServer,
} from 'node:http'
import { type AddressInfo, type Socket, connect } from 'node:net'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setImmediate as turn } from 'node:timers/promises'
import type { CacheHandle } from 'cacheflow'
import fc from 'fast-check'
import { describe } from 'vitest'
import type { Application } from '../support/application.ts'
import { expressStages, koaStages } from '../support/stages.ts'
import { until } from '../support/until.ts'
import { parse } from '../support/wire.ts'
import { Difference, type Tally, explore, isLong, print } from './explore.ts'

/** What a page of the site holds: enough that it does not fit into a socket's buffers where it is large. */
const sizes = { small: 2_000, large: 1_500_000 } as const
const bodies = Object.fromEntries(
  Object.entries(sizes).map(([name, size]) => [name, `${name} `.repeat(size / (name.length + 1))]),
) as Record<keyof typeof sizes, string>

/** How a handler writes its page, and what it does when its client goes. */
const manners = [
  'at once',
  'in pieces',
  'ends when left',
  'ends in the end',
  'by listed headers',
] as const

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  target: string,
): Promise<void> {
  const [, size = 'small', manner = '0'] = /^\/(small|large)\/(\d)/.exec(target) ?? []
  const body = bodies[size as keyof typeof sizes]
  response.setHeader('Content-Type', 'text/plain')
  const how = manners[Number(manner)]
  if (how === 'at once') {
    response.end(body)
    return
  }
  if (how === 'by listed headers') {
    const listed = String(request.headers['x-list'] ?? '').split(',')
    response.end(`${listed.filter((name) => request.headers[name] !== undefined).length} ${body}`)
    return
  }
  const isLeft = (): boolean => response.closed || response.destroyed
  if (how === 'ends when left') request.on('aborted', () => response.end())
  try {
    for (let at = 0; at < body.length && !isLeft(); at += 100_000) {
      const flows = response.write(body.slice(at, at + 100_000))
      if (!flows) await ready(response)
      await turn()
      if (isLeft()) throw new Error('left')
    }
  } catch {
    response.destroy()
  } finally {
    response.end()
  }
}

/** Waits until more can be written, or the client has gone. */
async function ready(response: ServerResponse): Promise<void> {
  await new Promise<void>((resolve) => {
    const go = (): void => {
      response.off('drain', go).off('close', go)
      resolve()
    }
    response.on('drain', go).on('close', go)
  })
}

type Doing =
  | { readonly do: 'whole' }
  | { readonly do: 'leave'; readonly after: number }
  | { readonly do: 'half-open' }
  | { readonly do: 'stall' }
  | { readonly do: 'pipeline'; readonly count: number }
  | { readonly do: 'broken head' }
  | { readonly do: 'odd'; readonly fields: string }

interface Plan {
  readonly acts: readonly {
    readonly size: string
    readonly manner: number
    readonly act: Doing
    readonly isTogether: boolean
  }[]
}

const odd = [
  'Range: bytes=',
  'Range: bytes=--1',
  'Range: bytes=5-2',
  'Range: bytes=0-0,0-0,0-0,1-1,2-2',
  `Range: bytes=${Array.from({ length: 900 }, (_, i) => `${i}-${i}`).join()}`,
  'Range: bytes=99999999999999999999-',
  'Range: \u00ff',
  'If-None-Match: """',
  'If-None-Match: W/',
  `If-None-Match: ${'"a",'.repeat(2_000)}`,
  'If-Modified-Since: yesterday',
  'If-Range: "x\r\nRange: bytes=0-1',
  'If-Unmodified-Since: Thu, 99 Foo 0000 00:00:00 GMT',
  'Accept-Encoding: ;q=,,;',
  `Accept-Encoding: ${'gzip;q=0.1,'.repeat(900)}`,
  `Cookie: ${Array.from({ length: 1_900 }, (_, i) => `c${i}=1`).join(';')}`,
  `Cookie: ${'='.repeat(5_000)}`,
  Array.from({ length: 1_000 }, (_, i) => `h${i}: 1`).join('\r\n'),
  `X-List: ${Array.from({ length: 1_500 }, (_, i) => `h${i}`).join()}`,
  `X-List: ${'n'.repeat(9_000)}`,
  'X-List: \u00e4,a b,__proto__,constructor,',
  'Cache-Control: no-cache, max-age=-1, only-if-cached="',
  'Connection: keep-alive, te, x-list',
  'Expect: 100-continue',
  'Accept: ' + '*/*;q=0.1,'.repeat(900),
] as const

const doing: fc.Arbitrary<Doing> = fc.oneof(
  fc.constant<Doing>({ do: 'whole' }),
  fc.record({
    do: fc.constant('leave' as const),
    after: fc.constantFrom(0, 1, 300, 70_000, 900_000, 1_400_000),
  }),
  fc.constant<Doing>({ do: 'half-open' }),
  fc.constant<Doing>({ do: 'stall' }),
  fc.record({ do: fc.constant('pipeline' as const), count: fc.integer({ min: 2, max: 12 }) }),
  fc.constant<Doing>({ do: 'broken head' }),
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant('odd' as const), fields: fc.constantFrom(...odd) }),
  },
)

const plans: fc.Arbitrary<Plan> = fc.record({
  acts: fc.array(
    fc.record({
      size: fc.constantFrom('small', 'large'),
      manner: fc.nat(manners.length - 1),
      act: doing,
      isTogether: fc.boolean(),
    }),
    { minLength: 3, maxLength: 25, size: 'max' },
  ),
})

/** One client's connection. */
class Client {
  readonly socket: Socket
  readonly #chunks: Buffer[] = []
  #received = 0
  #onData = (): void => undefined
  readonly ended: Promise<void>

  constructor(port: number, text: string) {
    this.socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
    this.socket.on('error', () => undefined)
    this.socket.on('data', (chunk: Buffer) => {
      this.#chunks.push(chunk)
      this.#received += chunk.length
      this.#onData()
    })
    this.ended = new Promise((resolve) => {
      this.socket.once('end', () => resolve()).once('close', () => resolve())
    })
    this.socket.write(text, 'latin1')
  }

  get bytes(): Buffer {
    return Buffer.concat(this.#chunks)
  }

  async received(count: number): Promise<void> {
    const enough = new Promise<void>((resolve) => {
      this.#onData = () => {
        if (this.#received >= count) resolve()
      }
      this.#onData()
    })
    await Promise.race([enough, this.ended])
  }
}

function head(path: string, fields = 'Connection: close'): string {
  return `GET ${path} HTTP/1.1\r\nHost: a.shop.example\r\n${fields}\r\n\r\n`
}

async function carriedOut(
  { acts }: Plan,
  port: number,
  stalled: Client[],
  tally: Tally,
): Promise<string | undefined> {
  const under: Promise<string | undefined>[] = []
  for (const { size, manner, act, isTogether } of acts) {
    tally.steps++
    const path = `/${size}/${manner}`
    under.push(acted(act, path, size as keyof typeof sizes, port, stalled))
    if (isTogether) continue
    const found = (await Promise.all(under.splice(0))).find((each) => each !== undefined)
    if (found !== undefined) return found
    // Whatever went before: the next visitor gets the whole page.
    const next = await whole(path, size as keyof typeof sizes, port)
    if (next !== undefined) return `the next visitor: ${next}`
  }
  return (await Promise.all(under)).find((each) => each !== undefined)
}

async function acted(
  act: Doing,
  path: string,
  size: keyof typeof sizes,
  port: number,
  stalled: Client[],
): Promise<string | undefined> {
  switch (act.do) {
    case 'whole':
      return whole(path, size, port)
    case 'leave': {
      const client = new Client(port, head(path))
      if (act.after > 0) await client.received(act.after)
      client.socket.destroy()
      return undefined
    }
    case 'half-open': {
      const client = new Client(port, head(path))
      client.socket.end()
      await client.ended
      client.socket.destroy()
      return undefined
    }
    case 'stall': {
      const client = new Client(port, head(path))
      client.socket.pause()
      stalled.push(client)
      return undefined
    }
    case 'pipeline': {
      const requests = Array.from({ length: act.count }, (_, i) =>
        head(`${path}?n=${i % 3}`, i === act.count - 1 ? 'Connection: close' : 'X-A: 1'),
      )
      const client = new Client(port, requests.join(''))
      await client.ended
      client.socket.destroy()
      const count = client.bytes.toString('latin1').split('HTTP/1.1 200').length - 1
      return count === act.count ? undefined : `${count} of ${act.count} answers in a pipeline`
    }
    case 'broken head': {
      const client = new Client(port, head(path).slice(0, 30))
      await turn()
      client.socket.destroy()
      return undefined
    }
    case 'odd': {
      const client = new Client(port, head(path, `${act.fields}\r\nConnection: close`))
      await client.ended
      client.socket.destroy()
      const { status } = parse(client.bytes, 'GET')
      const isRight = [200, 206, 304, 400, 412, 416, 431].includes(status)
      return isRight ? undefined : `status ${status} for ${act.fields.slice(0, 60)}`
    }
  }
}

async function whole(
  path: string,
  size: keyof typeof sizes,
  port: number,
): Promise<string | undefined> {
  const client = new Client(port, head(path))
  await client.ended
  client.socket.destroy()
  const { status, text, isComplete } = parse(client.bytes, 'GET')
  const expected = path.endsWith('4') ? `0 ${bodies[size]}` : bodies[size]
  if (status === 200 && isComplete && text === expected) return undefined
  return `GET ${path}: status ${status}, ${text.length} of ${expected.length} characters, ${isComplete ? 'complete' : 'broken off'}`
}

async function visited(
  mount: (clock: Application) => { listener: RequestListener; cache: CacheHandle },
  plan: Plan,
  tally: Tally,
): Promise<void> {
  const { listener, cache } = mount({ now: Date.UTC(2026, 2, 4, 12), runs: 0 } as Application)
  const faults: string[] = []
  cache.on('error', ({ error }) => faults.push(String(error)))
  const server = createServer(listener)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const stalled: Client[] = []
  try {
    const found = await carriedOut(plan, port, stalled, tally)
    for (const { socket } of stalled) socket.destroy()
    if (found !== undefined) throw new Difference(found, faults)
    await until('nothing is being made', () => cache.stats().inFlight === 0, 3_000).catch(() => {
      throw new Difference(`${cache.stats().inFlight} makings are left when all have gone`, faults)
    })
    const { bytes, maxBytes } = cache.stats()
    if (bytes > maxBytes) throw new Difference(`${bytes} bytes in memory`, faults)
    if (faults.length > 0) throw new Difference('faults in the cache', faults)
    tally.hits += cache.stats().hits
  } finally {
    for (const { socket } of stalled) socket.destroy()
    server.closeAllConnections()
    server.close()
    await cache.close()
  }
}

describe('INV12: broken, slow and odd clients leave nothing behind, and the next one gets the whole page', () => {
  const delay = monitorEventLoopDelay({ resolution: 5 })
  const options = { memory: { maxSize: '8MiB' }, collapse: { timeout: '200ms' } } as const
  const property = {
    plans,
    share: 2,
    steps: 50,
    stepsPerPlan: 13,
    leastHits: 0.1,
    features: ({ acts }: Plan) =>
      new Set(acts.map(({ act }) => (act.do === 'odd' ? act.fields.slice(0, 20) : act.do))),
  }
  const watched = async (run: Promise<void>): Promise<void> => {
    if (isLong) delay.enable()
    await run
  }
  for (const stage of expressStages.filter(({ place }) => place === 'first' || place === 'route')) {
    explore(stage.name, {
      ...property,
      run: (plan, tally) =>
        watched(
          visited(
            (clock) =>
              stage.mount(
                { options, handler: (request, response) => answer(request, response, request.url) },
                clock,
              ),
            plan,
            tally,
          ),
        ),
    })
  }
  for (const stage of koaStages.filter(({ place }) => place === 'wrap')) {
    explore(stage.name, {
      ...property,
      run: (plan, tally) =>
        watched(
          visited(
            (clock) =>
              stage.mount(
                {
                  options,
                  handler: (ctx) => {
                    ctx.respond = false
                    ctx.res.statusCode = 200
                    return answer(ctx.req, ctx.res, ctx.url)
                  },
                },
                clock,
              ),
            plan,
            tally,
          ),
        ),
    })
  }
  if (isLong) {
    process.once('exit', () => {
      const ms = (nanoseconds: number): string => (nanoseconds / 1e6).toFixed(1)
      print(
        `event loop beside these clients: p50 ${ms(delay.percentile(50))} ms, p99 ${ms(delay.percentile(99))} ms, longest ${ms(delay.max)} ms`,
      )
    })
  }
})
