import { describe, expect, it } from 'vitest'
import { Events } from '../../src/events/events.ts'
import { lookup } from '../../src/response/lookup.ts'
import { arriving } from '../../src/response/attempt.ts'
import type { IncomingRequest } from '../../src/request/incoming-request.ts'
import { ResponseCache } from '../../src/response/response-cache.ts'
import { shortName } from '../../src/values/short-name.ts'
import { Sequence } from '../../src/invalidation/sequence.ts'
import { type CacheflowOptions, resolveOptions } from '../../src/options/cache-options.ts'
import { application } from '../support/application.ts'
import { pageStages } from '../support/stages.ts'

const mebibyte = 1024 * 1024

/** The core alone, without a server: one request costs microseconds, so that there can be very many. */
class Core {
  readonly cache: ResponseCache
  highest = 0

  constructor(options: CacheflowOptions<undefined>) {
    const clock = (): number => Date.UTC(2026, 2, 4, 12)
    this.cache = new ResponseCache(resolveOptions({ clock, ...options }), new Events())
  }

  /** One GET, answered with a body of this size when the cache has none. */
  ask(target: string, headers: Record<string, string> = {}, size = 100, made: Made = {}): boolean {
    const request: IncomingRequest = {
      method: 'GET',
      target,
      origin: 'http://shop.example',
      headers: { host: 'shop.example', ...headers },
      isHttp1: true,
      tracker: undefined,
      isRepeatable: true,
      hasBody: false,
      httpVersion: '1.1',
      isIdentified: false,
      remoteAddress: '127.0.0.1',
      native: undefined,
      observedFromStart: true,
      foreseen: false,
      observation: undefined,
      arrivedAt: undefined,
      route: () => undefined,
      routes: () => [],
    }
    const decision = lookup(this.cache, request, this.cache.settings.policy, arriving)
    if (decision.act !== 'forward') return decision.act === 'serve'
    const { exchange } = decision
    for (const tag of made.tags ?? []) {
      exchange.tracker.tags.add(tag)
      exchange.tracker.dependencies.add(`tag:${tag}`)
    }
    for (const name of made.reads ?? []) exchange.observation?.header(name, headers[name])
    // With a tag of its own, so that the test spends no time on hashing.
    const fields = ['Content-Type', 'text/plain', 'ETag', '"x"', ...(made.fields ?? [])]
    const { status = 200 } = made
    const head = {
      ...{ status, statusMessage: undefined, method: 'GET' },
      ...{ fields, all: fields, added: [], removed: [] },
    }
    const plan = exchange.head(head)
    if (plan.act === 'send' && plan.collect) exchange.complete(bodyOf(size))
    else exchange.end()
    this.highest = Math.max(this.highest, this.cache.store.bytes)
    return false
  }
}

const bodies = new Map<number, Buffer>()
function bodyOf(size: number): Buffer {
  const body = bodies.get(size) ?? Buffer.alloc(size)
  bodies.set(size, body)
  return body
}

interface Made {
  readonly status?: number
  readonly fields?: readonly string[]
  readonly tags?: readonly string[]
  readonly reads?: readonly string[]
}

const maxSize = 2 * mebibyte

describe('floods', () => {
  it('S-27: 100,000 query strings never take more than memory.maxSize, and the index holds what is stored', async () => {
    const core = new Core({ memory: { maxSize } })
    for (let i = 0; i < 100_000; i++) core.ask(`/?q=${i}`, {}, 10_000)
    const { store, collapsing } = core.cache
    expect(core.highest).toBeLessThanOrEqual(maxSize)
    expect(store.bytes).toBeGreaterThan(maxSize / 2)
    // Each has its key, its URL on this host, and its path on every host.
    expect(store.dependencies).toBe(3 * store.entries)
    expect(collapsing.render).toBe(0)
    await core.cache.invalidate('all', false)
    expect([store.entries, store.bytes, store.dependencies]).toEqual([0, 0, 0])
  })

  it('S-27: nor do 100,000 tags, and felling them leaves nothing behind', async () => {
    const core = new Core({ memory: { maxSize } })
    for (let i = 0; i < 100_000; i += 10) {
      core.ask(`/${i}`, {}, 100, { tags: Array.from({ length: 10 }, (_, j) => `tag ${i + j}`) })
    }
    const { store } = core.cache
    expect(core.highest).toBeLessThanOrEqual(maxSize)
    expect(store.dependencies).toBe(13 * store.entries)
    for (let i = 0; i < 100_000; i += 10) await core.cache.invalidate([`tag:tag ${i}`], false)
    expect([store.entries, store.bytes, store.dependencies]).toEqual([0, 0, 0])
  })

  it('S-28: 100,000 values of one field make no more than maxVariants variants of one key', () => {
    const core = new Core({ memory: { maxSize: 16 * mebibyte }, maxVariants: 50 })
    for (let i = 0; i < 100_000; i++) core.ask('/', { 'x-a': String(i) }, 100, { reads: ['x-a'] })
    const { store } = core.cache
    // The variants, and the index of them.
    expect(store.entries).toBe(51)
    expect(core.ask('/', { 'x-a': '99999' })).toBe(true)
    expect(core.ask('/', { 'x-a': '99949' }, 100, { reads: ['x-a'] })).toBe(false)
  })

  it('S-28: variants of many keys at once stay within memory.maxSize', () => {
    const core = new Core({ memory: { maxSize }, maxVariants: 1_000 })
    for (let i = 0; i < 50_000; i++) {
      core.ask(`/${i % 40}`, { 'x-a': String(i), 'x-b': 'b'.repeat(i % 50) }, 500, {
        reads: i % 3 === 0 ? ['x-a', 'x-b'] : ['x-a'],
      })
    }
    expect(core.highest).toBeLessThanOrEqual(maxSize)
  })

  it('S-28: looking among 1,000 variants costs no more than looking among few', () => {
    const time = (variants: number): number => {
      const core = new Core({ memory: { maxSize: 64 * mebibyte }, maxVariants: 1_000 })
      for (let i = 0; i < variants; i++) core.ask('/', { 'x-a': String(i) }, 10, { reads: ['x-a'] })
      const start = performance.now()
      for (let i = 0; i < 20_000; i++) core.ask('/', { 'x-a': String(i % variants) })
      return performance.now() - start
    }
    time(10)
    expect(time(1_000)).toBeLessThan(20 * time(10) + 50)
  })

  it('S-27: what is remembered of long URLs that were invalidated is bounded in characters', () => {
    const sequence = new Sequence()
    for (let i = 0; i < 5_000; i++)
      sequence.record([`url:http://a/${i}${'x'.repeat(8_000)}`], i % 2 === 0)
    expect(sequence.length).toBeLessThanOrEqual(16 * mebibyte)
    // What was forgotten counts as invalidated: nothing old can be stored.
    expect(sequence.invalidatedBy(1, ['tag:other'])).toBe('all')
    expect(sequence.softInvalidationAt(1, ['tag:other'], 'k')).toBe(0)
    const startSequence = sequence.applied
    sequence.record(['tag:x'], false)
    expect(sequence.invalidatedBy(startSequence, ['tag:other'])).toBeUndefined()
    expect(sequence.invalidatedBy(startSequence, ['tag:x'])).toBe('tag:x')
  })

  it('S-27: many invalidations of one URL are remembered once', () => {
    const sequence = new Sequence()
    for (let i = 0; i < 10_000; i++) sequence.record(['url:http://a/x'], false)
    expect(sequence.length).toBe('url:http://a/x'.length)
  })

  it('S-27: long URLs that were refused or evicted are remembered as far as their characters allow', () => {
    const core = new Core({ memory: { maxSize } })
    const urlOf = (kind: string, i: number): string => `/${kind}${i}${'x'.repeat(12_000)}`
    const keyOf = (kind: string, i: number): string =>
      shortName(`http://shop.example${urlOf(kind, i)}`)
    for (let i = 0; i < 2_000; i++) {
      core.ask(urlOf('refused', i), {}, 100, { fields: ['Cache-Control', 'private'] })
      core.ask(urlOf('kept', i))
    }
    const { cache } = core
    const numbers = Array.from({ length: 2_000 }, (_, i) => i)
    const refused = numbers.filter((i) => cache.hitForMissReason(keyOf('refused', i), 0))
    const evicted = numbers.filter((i) => cache.store.removalOf(keyOf('kept', i)) !== undefined)
    for (const remembered of [refused, evicted]) {
      expect(remembered.length).toBeGreaterThan(50)
      expect(remembered.length * keyOf('refused', 1_999).length).toBeLessThan(2 * mebibyte)
    }
    expect(refused.at(-1)).toBe(1_999)
  })
})

for (const { name: stage, open } of pageStages) {
  describe(stage, () => {
    it('S-27: a flood of pages keeps within the bound that was given', async () => {
      const app = await open({
        options: { memory: { maxSize: 200_000 } },
        page: ({ url }) => ({ body: `${url} ${'x'.repeat(5_000)}` }),
      })
      for (let i = 0; i < 120; i++) {
        await app.get(`/?${i}`)
        const { bytes, maxBytes } = app.cache.stats()
        expect(bytes).toBeLessThanOrEqual(maxBytes)
      }
      const { entries, dependencies } = app.cache.stats()
      expect(entries).toBeLessThan(40)
      expect(dependencies).toBeLessThan(entries * 8)
      expect(app.seen('evict').length).toBeGreaterThan(0)
    })
  })
}

describe('ranges', () => {
  const whole = Array.from({ length: 1_000 }, (_, i) => String(i % 10)).join('')

  it('S-22: no range takes more than the whole, or anything beside the body', async () => {
    const app = await application(() => ({ body: whole }))
    await app.get('/')
    const ranges = [
      'bytes=0-0',
      `bytes=${'0-,'.repeat(1_000)}0-`,
      `bytes=${Array.from({ length: 1_000 }, (_, i) => `${i}-${i}`).join()}`,
      'bytes=0-999,0-999,0-999',
      'bytes=999-0',
      'bytes=-0',
      'bytes=--1',
      'bytes=-9999999999999999999999',
      'bytes=99999999999999999999-',
      'bytes=0-99999999999999999999999',
      'bytes=-18446744073709551615,-18446744073709551600',
      'bytes=1e3-',
      'bytes=0x0-0xff',
      'octets=0-1',
      'bytes 0-1',
      'bytes=',
      'bytes=,,,',
    ]
    for (const Range of ranges) {
      const answer = await app.get('/', { Range })
      expect([200, 206, 416], Range).toContain(answer.status)
      expect(answer.bytes.byteLength, Range).toBeLessThan(4 * whole.length)
      if (answer.status === 200) expect(answer.body).toBe(whole)
      expect(answer.body).not.toMatch(/Content-Length|Date:|ETag/)
      expect((await app.get('/')).body).toBe(whole)
    }
    expect(app.runs).toBe(1)
  })

  it('S-22: what an application answers to a Range is not kept for those who ask for all', async () => {
    const app = await application(({ request }) => {
      const part = request.headers['range']
      if (part === undefined) return { body: whole }
      if (part === 'items=1') return { body: 'one item' }
      return { status: 206, fields: { 'Content-Range': 'bytes 0-0/1000' }, body: '0' }
    })
    for (const Range of ['items=1', 'bytes=0-0']) {
      await app.get(`/${Range}`, { Range })
      expect((await app.get(`/${Range}`)).body).toBe(whole)
    }
  })
})
