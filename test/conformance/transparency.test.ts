import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Handler, type Host, expressHost, isHit, koaHost, open } from '../support/host.ts'
import { type Essence, essenceBehindCache, essenceOf } from '../support/transparency.ts'
import type { WireRequest, WireResponse } from '../support/wire.ts'
import { type Program, handlerOf, program } from './program.ts'

const day = 'Tue, 01 Jul 2025 10:00:00 GMT'
const asked: fc.Arbitrary<WireRequest> = fc.constantFrom<WireRequest>(
  {},
  {},
  {},
  { method: 'HEAD' },
  { version: '1.0' },
  { headers: { 'if-none-match': '"v1"' } },
  { headers: { 'if-none-match': 'W/"v0", "v1"' } },
  { headers: { 'if-none-match': '*' } },
  { headers: { 'if-none-match': '"v2"', 'if-modified-since': day } },
  { headers: { 'if-modified-since': day } },
  { method: 'HEAD', headers: { 'if-none-match': '"v1"' } },
  { headers: { range: 'bytes=1-2' } },
  { headers: { range: 'bytes=99-' } },
  { headers: { 'cache-control': 'no-cache' } },
  { headers: { 'x-kind': 'a' } },
  { headers: { 'accept-encoding': 'gzip' } },
  { method: 'POST' },
)

const hosts = [
  expressHost(5, 'first'),
  expressHost(5, 'behind'),
  expressHost(4, 'wrap'),
  expressHost(4, 'route'),
  koaHost(3, 'first'),
  koaHost(2, 'wrap'),
  koaHost(3, 'behind'),
]

describe('INV9: an application answers the same bytes with the cache as without, whatever it does', () => {
  it.each(hosts.map((host) => [host.name, host] as const))('%s', async (_, host) => {
    const { compare, counts } = await stage(host)
    await fc.assert(
      fc.asyncProperty(program, fc.array(asked, { minLength: 2, maxLength: 5 }), compare),
      { numRuns: Number(process.env['TRANSPARENCY_RUNS'] ?? 100) },
    )
    // A cache that never answers would be transparent too.
    if (host.seesRaw) expect(counts.hits).toBeGreaterThan(10)
  })
})

/** Two servers, one with the cache, that run the programs they are given. */
async function stage(host: Host): Promise<{
  compare: (given: Program, requests: readonly WireRequest[]) => Promise<void>
  counts: { hits: number }
}> {
  const programs = new Map<string, { program: Program; log: string[] }>()
  const handler: Handler = (request, response, next) => {
    const { program: given, log } = programs.get(request.url ?? '') ?? { program: empty, log: [] }
    return handlerOf(given, log)(request, response, next)
  }
  const plain = await open(host, { handler }, false)
  const cached = await open(host, { handler })
  const counts = { hits: 0 }
  let number = 0

  const compare = async (given: Program, requests: readonly WireRequest[]): Promise<void> => {
    const path = `/program-${++number}`
    for (const request of requests) {
      // Without chunks or a body Node sends some heads in other bytes: those of a stored response cannot be both.
      if (isBeyondAscii(given) && Object.keys(request).length > 0) continue
      const logs: [string[], string[]] = [[], []]
      programs.set(path, { program: given, log: logs[0] })
      const whole = await plain.send({ path })
      logs[0].length = 0
      const expected = await plain.send({ ...request, path })
      programs.set(path, { program: given, log: logs[1] })
      const answer = await cached.send({ ...request, path })
      if (isHit(answer)) counts.hits++
      await settled()
      expectSame(request, answer, expected, whole)
      const isRun = logs[1].length > 0 && !isHit(answer)
      if (isRun && answer.status === expected.status) expect(logs[1]).toEqual(logs[0])
    }
  }
  return { compare, counts }
}

function isBeyondAscii(given: Program): boolean {
  return JSON.stringify(given.steps).includes('\u00e9')
}

const empty: Program = { steps: [], end: undefined, calls: false }
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** @param whole what the application answers to a plain GET */
function expectSame(
  request: WireRequest,
  answer: WireResponse,
  expected: WireResponse,
  whole: WireResponse,
): void {
  const isFromStore = /^cacheflow; (hit|fwd=stale; fwd-status)/.test(
    answer.all('cache-status').join(', ').split(/,\s*(?=cacheflow)/).at(-1) ?? '',
  )
  if (answer.status === 304 && expected.status !== 304) {
    // A 304 has no trailers for Node to refuse.
    if (whole.status === 0) return
    expect(whole.status).toBe(200)
    expect(matches(request, whole, answer)).toBe(true)
    const given = essenceBehindCache(answer, whole, true)
    expect(given.body).toBe('')
    expect(given.lines).toEqual(linesOf304(essenceOf(whole, true), answer))
    return
  }
  const range = request.headers?.['range']
  if (isFromStore && range !== undefined && (answer.status === 206 || answer.status === 416)) {
    expect(whole.status).toBe(200)
    if (answer.status === 206) {
      expect(answer.body.equals(whole.body.subarray(1, 3))).toBe(true)
    } else {
      expect(answer.get('content-range')).toBe(`bytes */${whole.body.length}`)
    }
    return
  }
  const given = essenceBehindCache(answer, expected, isFromStore)
  const wanted = essenceOf(expected, isFromStore)
  expect({ ...given, ...versionOf(wanted, isFromStore) }).toEqual(wanted)
}

// A stored response has no interim responses, and no version of HTTP but the one it is asked in.
function versionOf(wanted: Essence, isFromStore: boolean): Partial<Essence> {
  return isFromStore ? { interim: wanted.interim } : {}
}

function matches(request: WireRequest, whole: WireResponse, answer: WireResponse): boolean {
  const { 'if-none-match': tags, 'if-modified-since': since } = request.headers ?? {}
  const etag = (whole.get('etag') ?? answer.get('etag'))?.replace('W/', '')
  if (tags !== undefined) {
    return tags === '*' || (etag !== undefined && String(tags).replaceAll('W/', '').includes(etag))
  }
  return since !== undefined && whole.get('last-modified') !== undefined
}

const described = new Set(['content-type', 'content-language', 'content-encoding', 'trailer'])

function linesOf304(essence: Essence, answer: WireResponse): string[] {
  return essence.lines.filter((line) => {
    const name = line.split(':', 1)[0]?.toLowerCase() ?? ''
    if (name === 'last-modified') return answer.get('etag') === undefined
    return !described.has(name)
  })
}
