import { describe, expect, it } from 'vitest'
import type { StoredResponse } from '../../src/http/stored-response.ts'
import type { Stored } from '../../src/store/entry-store.ts'
import { ResponseStore, type ResponseStoreOptions } from '../../src/store/response-store.ts'
import { Random } from '../support/random.ts'

type Inputs = Readonly<Record<string, string | undefined>>

interface Given {
  readonly inputs?: Inputs
  readonly body?: string
  readonly closure?: readonly string[]
}

const primaryKey = 'http://shop.example/posts'
const timeline = {
  cachedAt: 0,
  initialAge: 0,
  staleAt: 60_000,
  revalidateUntil: 60_000,
  errorUntil: 60_000,
  deleteAt: 600_000,
}

class Store extends ResponseStore {
  readonly evicted: string[] = []

  constructor(options: Partial<ResponseStoreOptions> = {}) {
    const maxSize = options.maxSize ?? 10_000_000
    super({
      maxSize,
      maxEntrySize: maxSize,
      maxVariants: 100,
      onEvict: (key) => this.evicted.push(key),
      ...options,
    })
  }

  /** Stores as an exchange does: under the inputs it read and those known from before. */
  keep(
    primary: string,
    { inputs = {}, body = '', closure: dependencies = [] }: Given = {},
  ): boolean {
    const names = this.inputsOf(primary, Object.keys(inputs))
    const key = this.keyOf(primary, names, (name) => inputs[name])
    return this.put(primary, response(primary, key, names, body, dependencies))
  }

  responsesOf(dependency: string): StoredResponse[] {
    return this.enclosing(dependency).filter(isResponse)
  }

  bodyFor(primary: string, request: Inputs = {}): string | undefined {
    return this.find(primary, (name) => request[name]).stored?.body.toString()
  }
}

function isResponse(stored: Stored): stored is StoredResponse {
  return stored.kind === 'response'
}

function response(
  primary: string,
  key: string,
  inputs: readonly string[],
  body: string,
  dependencies: readonly string[],
): StoredResponse {
  return {
    kind: 'response',
    primaryKey: primary,
    key,
    status: 200,
    statusMessage: undefined,
    isControlOurs: false,
    added: [],
    removed: [],
    fields: ['Content-Type', 'text/plain'],
    body: Buffer.from(body),
    form: 'bytes',
    validators: { etag: undefined, lastModified: undefined },
    confirmable: undefined,
    timeline,
    mayServeStale: true,
    noCache: false,
    servesAuthorized: false,
    wasAuthorized: false,
    group: undefined,
    startSequence: 0,
    startedAt: 0,
    verifiedAt: 0,
    dependencies,
    tags: [],
    route: undefined,
    inputs,
  }
}

describe('a store of responses', () => {
  it('finds a response without variants in one look-up', () => {
    const store = new Store()
    expect(store.find(primaryKey, () => undefined)).toEqual({
      stored: undefined,
      key: primaryKey,
      otherVariants: false,
    })
    store.keep(primaryKey, { body: 'a' })
    expect(store.single(primaryKey)?.body.toString()).toBe('a')
    expect(store.bodyFor(primaryKey)).toBe('a')
    expect(store.entries).toBe(1)
  })

  it('keeps a variant for each value of the inputs, an absent one and an empty one apart', () => {
    const store = new Store()
    store.keep(primaryKey, { inputs: { dnt: undefined }, body: 'absent' })
    store.keep(primaryKey, { inputs: { dnt: '' }, body: 'empty' })
    store.keep(primaryKey, { inputs: { dnt: '1' }, body: 'one' })
    expect(store.single(primaryKey)).toBeUndefined()
    expect(store.bodyFor(primaryKey)).toBe('absent')
    expect(store.bodyFor(primaryKey, { dnt: '' })).toBe('empty')
    expect(store.bodyFor(primaryKey, { dnt: '1' })).toBe('one')
    const found = store.find(primaryKey, () => '0')
    expect(found.stored).toBeUndefined()
    expect(found.otherVariants).toBe(true)
    expect(found.key).not.toBe(primaryKey)
  })

  it('only ever adds names of inputs: a branch that reads less does not answer for one that reads more', () => {
    const store = new Store()
    store.keep(primaryKey, { inputs: { a: '1', b: '1' }, body: 'a1 b1' })
    store.keep(primaryKey, { inputs: { a: '2' }, body: 'a2' })
    expect(store.inputsOf(primaryKey, ['c'])).toEqual(['a', 'b', 'c'])
    expect(store.bodyFor(primaryKey, { a: '1', b: '1' })).toBe('a1 b1')
    expect(store.bodyFor(primaryKey, { a: '2' })).toBe('a2')
    expect(store.bodyFor(primaryKey, { a: '2', b: '1' })).toBeUndefined()
  })

  it('drops what was stored under fewer names when a name is added', () => {
    const store = new Store()
    store.keep(primaryKey, { body: 'none', closure: ['x'] })
    store.keep(primaryKey, { inputs: { a: '1' }, body: 'a1', closure: ['x'] })
    expect(store.responsesOf('x').map(({ body }) => body.toString())).toEqual(['a1'])
    store.keep(primaryKey, { inputs: { b: '1' }, body: 'b1', closure: ['x'] })
    expect(store.responsesOf('x').map(({ body }) => body.toString())).toEqual(['b1'])
    expect(store.bodyFor(primaryKey, { a: '1' })).toBeUndefined()
    expect(store.bodyFor(primaryKey, { b: '1' })).toBe('b1')
    expect(store.entries).toBe(2)
  })

  it('keeps at most maxVariants variants of one key, the newest of them', () => {
    const store = new Store({ maxVariants: 3 })
    for (const a of ['1', '2', '3']) store.keep(primaryKey, { inputs: { a }, body: a })
    store.keep(primaryKey, { inputs: { a: '1' }, body: '1 again' })
    store.keep(primaryKey, { inputs: { a: '4' }, body: '4' })
    const bodies = ['1', '2', '3', '4'].map((a) => store.bodyFor(primaryKey, { a }))
    expect(bodies).toEqual(['1 again', undefined, '3', '4'])
    expect(store.entries).toBe(4)
  })

  it('does not count variants that fell against maxVariants', () => {
    const store = new Store({ maxVariants: 2 })
    store.keep(primaryKey, { inputs: { a: '1' }, body: '1', closure: ['one'] })
    store.keep(primaryKey, { inputs: { a: '2' }, body: '2', closure: ['two'] })
    for (const { key } of store.enclosing('two')) store.invalidate(key, 'two')
    store.keep(primaryKey, { inputs: { a: '3' }, body: '3' })
    const bodies = ['1', '2', '3'].map((a) => store.bodyFor(primaryKey, { a }))
    expect(bodies).toEqual(['1', undefined, '3'])
  })

  it('S-9: gives no variant a key that a URL could have', () => {
    const store = new Store()
    store.keep(primaryKey, { inputs: { x: '1' }, body: 'x1' })
    const { key } = store.find(primaryKey, () => '1')
    expect(key.startsWith(`${primaryKey} `)).toBe(true)
  })

  it('does not mix the variants of one key with those of another', () => {
    const store = new Store()
    store.keep('a', { inputs: { x: '1' }, body: 'a' })
    store.keep('b', { inputs: { x: '1' }, body: 'b' })
    expect(store.bodyFor('a', { x: '1' })).toBe('a')
    expect(store.bodyFor('b', { x: '1' })).toBe('b')
  })

  it('refuses a response over maxEntrySize and keeps the one that stands there', () => {
    const store = new Store({ maxEntrySize: 1_000 })
    expect(store.keep(primaryKey, { body: 'small' })).toBe(true)
    expect(store.keep(primaryKey, { body: 'x'.repeat(1_000) })).toBe(false)
    expect(store.bodyFor(primaryKey)).toBe('small')
  })

  it('takes no response larger than the whole store, whatever maxEntrySize says', () => {
    const store = new Store({ maxSize: 5_000, maxEntrySize: 1_000_000 })
    expect(store.maxEntrySize).toBeLessThanOrEqual(5_000)
    expect(store.keep(primaryKey, { body: 'x'.repeat(5_000) })).toBe(false)
    expect(store.entries).toBe(0)
  })

  it('finds what has a dependency, and remembers by which one it fell', () => {
    const store = new Store()
    store.keep('a', { closure: ['tag:x', 'tag:y'], body: 'a' })
    store.keep('b', { closure: ['tag:y'], body: 'b' })
    expect(store.responsesOf('tag:x').map(({ primaryKey: key }) => key)).toEqual(['a'])
    expect(store.responsesOf('tag:y').map(({ primaryKey: key }) => key)).toEqual(['a', 'b'])
    expect(store.enclosing('tag:z')).toEqual([])
    store.invalidate('a', 'tag:x')
    expect(store.bodyFor('a')).toBeUndefined()
    expect(store.bodyFor('b')).toBe('b')
    expect(store.removalOf('a')).toEqual({ reason: 'invalidated', by: 'tag:x' })
    expect(store.removalOf('b')).toBeUndefined()
  })

  it('remembers the youngest of all that fell at once', () => {
    const store = new Store({ maxSize: 100_000_000 })
    for (let i = 0; i < 12_000; i++) store.keep(`key ${i}`)
    store.invalidateAll()
    expect(store.removalOf('key 0')).toBeUndefined()
    expect(store.removalOf('key 11999')).toEqual({ reason: 'invalidated', by: 'all' })
  })

  it('remembers what gave way to newer responses, until it is stored again', () => {
    const store = new Store({ maxSize: 8_000 })
    store.keep('a', { body: 'x'.repeat(3_000) })
    store.keep('b', { body: 'x'.repeat(6_000) })
    expect(store.evicted).toEqual(['a'])
    expect(store.removalOf('a')).toEqual({ reason: 'evicted', by: undefined })
    store.keep('a', { body: 'x' })
    expect(store.removalOf('a')).toBeUndefined()
  })

  it('names an evicted variant by its cache key, as all events do', () => {
    const store = new Store({ maxSize: 8_000 })
    store.keep('a', { inputs: { x: '1' }, body: 'x'.repeat(3_000) })
    store.keep('b', { body: 'x'.repeat(6_000) })
    expect(new Set(store.evicted)).toEqual(new Set(['a']))
  })

  it('remembers that everything fell by an invalidation of all', () => {
    const store = new Store()
    store.keep('a', { body: 'a' })
    store.keep('b', { inputs: { x: '1' }, body: 'b' })
    const { key } = store.find('b', () => '1')
    const { keys, fragments } = store.invalidateAll()
    expect([[...keys], fragments]).toEqual([['a', key], 0])
    expect([store.entries, store.bytes, store.dependencies]).toEqual([0, 0, 0])
    expect(store.removalOf('a')).toEqual({ reason: 'invalidated', by: 'all' })
    expect(store.removalOf(key)).toEqual({ reason: 'invalidated', by: 'all' })
  })

  it('deletes without remembering, and clears with everything it remembered', () => {
    const store = new Store()
    store.keep('a', { body: 'a' })
    store.delete('a')
    expect(store.removalOf('a')).toBeUndefined()
    store.keep('b', { closure: ['x'] })
    store.invalidate('b', 'x')
    store.keep('c', {})
    store.clear()
    expect([store.entries, store.removalOf('b')]).toEqual([0, undefined])
  })

  it('remembers a bounded number of falls (S-27)', () => {
    const store = new Store()
    for (let i = 0; i < 30_000; i++) store.invalidate(`key ${i}`, 'tag:x')
    expect(store.removalOf('key 0')).toBeUndefined()
    expect(store.removalOf('key 29999')).toEqual({ reason: 'invalidated', by: 'tag:x' })
  })
})

describe('random requests with variants', () => {
  const seed = 9_111
  it(`never get the response of other inputs, nor more than the bound (seed ${seed})`, () => {
    const random = new Random(seed)
    const maxSize = 60_000
    const store = new Store({ maxSize, maxVariants: 12 })
    const names = ['a', 'b', 'c']
    const values = [undefined, '', '1;1:b=1:2']
    const seen = { found: 0, absent: 0 }
    const faults: string[] = []
    const check = (what: string, isRight: boolean): void => {
      if (!isRight) faults.push(what)
    }
    for (let step = 0; step < 60_000; step++) {
      const primary = `key ${random.below(6)}`
      const request = Object.fromEntries(names.map((name) => [name, random.one(values)]))
      const dice = random.next()
      if (dice < 0.5) {
        // The application reads a, sometimes b, sometimes c: its answer tells of all it read.
        const read = names.filter((_name, i) => i === 0 || random.chance(0.4))
        const inputs = Object.fromEntries(read.map((name) => [name, request[name]]))
        const body = JSON.stringify([primary, read.map((name) => [name, request[name] ?? null])])
        const dependencies = [`tag:${random.below(5)}`]
        store.keep(primary, {
          inputs,
          body: body.padEnd(random.below(4_000)),
          closure: dependencies,
        })
      } else if (dice < 0.95) {
        const body = store.bodyFor(primary, request)
        if (body === undefined) {
          seen.absent++
          continue
        }
        seen.found++
        const [madeFor, inputs] = JSON.parse(body) as [string, [string, string | null][]]
        check(`key at ${step}`, madeFor === primary)
        for (const [name, value] of inputs) {
          check(`${name} at ${step}`, (request[name] ?? null) === value)
        }
      } else {
        const dependency = `tag:${random.below(5)}`
        for (const { key } of store.enclosing(dependency)) store.invalidate(key, dependency)
        check(`${dependency} at ${step}`, store.enclosing(dependency).length === 0)
      }
      check(`bound at ${step}`, store.bytes <= maxSize)
    }
    expect(faults).toEqual([])
    expect(seen.found).toBeGreaterThan(1_000)
    expect(seen.absent).toBeGreaterThan(1_000)
    expect(store.evicted.length).toBeGreaterThan(1_000)
    store.clear()
    expect([store.entries, store.bytes, store.dependencies]).toEqual([0, 0, 0])
  })
})
