import { describe, expect, it } from 'vitest'
import { MemoryStore } from '../../src/store/memory-store.ts'
import { Random } from '../support/random.ts'

interface Evicted {
  readonly key: string
  readonly size: number
}

function storeOf(maxSize: number): { store: MemoryStore<string>; evicted: Evicted[] } {
  const evicted: Evicted[] = []
  const store = new MemoryStore<string>({
    maxSize,
    onEvict: (key, size) => evicted.push({ key, size }),
  })
  return { store, evicted }
}

describe('a store in memory', () => {
  it('gives back the very value that was put in: nothing is cloned', () => {
    const store = new MemoryStore<object>({ maxSize: 100_000, onEvict: () => undefined })
    const value = {}
    store.set('a', value, 10, [])
    expect(store.get('a')).toBe(value)
    expect(store.peek('a')).toBe(value)
    expect(store.get('b')).toBeUndefined()
    expect([...store.keys()]).toEqual(['a'])
  })

  it('counts the bytes of the body, of key and dependencies, and an overhead for each entry', () => {
    const { store } = storeOf(1_000_000)
    store.set('a', 'v', 0, [])
    const bare = store.bytes
    expect(bare).toBeGreaterThanOrEqual(100)
    store.set('a', 'v', 1_000, [])
    expect(store.bytes).toBe(bare + 1_000)
    store.set('a', 'v', 1_000, ['tag:posts'])
    expect(store.bytes).toBeGreaterThan(bare + 1_000 + 'tag:posts'.length)
    const withDependency = store.bytes
    store.set('a'.repeat(101), 'v', 1_000, ['tag:posts'])
    expect(store.bytes - withDependency).toBeGreaterThan(withDependency + 100)
  })

  it('evicts the least recently used entry first; a look-up makes younger, a peek does not', () => {
    const { store: probe } = storeOf(1_000_000)
    probe.set('a', '', 100, [])
    const { store, evicted } = storeOf(3 * probe.bytes)
    for (const key of ['a', 'b', 'c']) store.set(key, key, 100, [])
    store.get('a')
    store.peek('b')
    store.set('d', 'd', 100, [])
    expect(evicted).toEqual([{ key: 'b', size: probe.bytes }])
    expect([...store.keys()].toSorted()).toEqual(['a', 'c', 'd'])
  })

  it('tells of what gave way, not of what was deleted, replaced or cleared', () => {
    const { store, evicted } = storeOf(1_000_000)
    store.set('a', '1', 100, ['x'])
    store.set('a', '2', 100, ['y'])
    expect(store.delete('a')).toBe(true)
    expect(store.delete('a')).toBe(false)
    store.set('b', '3', 100, ['x'])
    store.clear()
    expect(evicted).toEqual([])
    expect([store.entries, store.bytes, store.dependencies]).toEqual([0, 0, 0])
  })

  it('refuses an entry larger than itself, and what stood under the key is gone', () => {
    const { store, evicted } = storeOf(2_000)
    store.set('a', 'old', 100, ['x'])
    store.set('b', 'other', 100, ['x'])
    expect(store.set('a', 'new', 5_000, ['x'])).toBe(false)
    expect(store.get('a')).toBeUndefined()
    expect(store.get('b')).toBe('other')
    expect([...store.keysOf('x')]).toEqual(['b'])
    expect(evicted).toEqual([])
  })

  it('replaces the edges of an entry with the entry', () => {
    const { store } = storeOf(1_000_000)
    store.set('a', '1', 0, ['x', 'y'])
    store.set('a', '2', 0, ['y', 'z'])
    expect([...store.keysOf('x')]).toEqual([])
    expect([...store.keysOf('y')]).toEqual(['a'])
    expect([...store.keysOf('z')]).toEqual(['a'])
    expect(store.dependencies).toBe(2)
  })

  it('keeps names apart that objects would mistake for their own (S-29)', () => {
    const { store } = storeOf(1_000_000)
    for (const key of ['__proto__', 'constructor', 'hasOwnProperty', '']) {
      expect(store.get(key)).toBeUndefined()
      expect([...store.keysOf(key)]).toEqual([])
      store.set(key, `of ${key}`, 0, [key])
    }
    for (const key of ['__proto__', 'constructor', 'hasOwnProperty', '']) {
      expect(store.get(key)).toBe(`of ${key}`)
      expect([...store.keysOf(key)]).toEqual([key])
    }
  })

  it('keeps its index exact when a listener to an eviction empties or fills the store', () => {
    const { store: probe } = storeOf(1_000_000)
    probe.set('a', '', 100, ['x'])
    const limit = 2 * probe.bytes
    let react = (): void => undefined
    const store = new MemoryStore<string>({ maxSize: limit, onEvict: () => react() })
    const consistent = (): void => {
      expect(store.bytes).toBeLessThanOrEqual(limit)
      const keys = [...store.keys()]
      expect([...store.keysOf('x')].toSorted()).toEqual(keys.toSorted())
      expect(store.dependencies).toBe(keys.length === 0 ? 0 : 1)
      for (const key of keys) expect(store.peek(key)).toBe(key)
    }
    for (const reaction of [
      (): void => void store.clear(),
      (): void => void store.delete('c'),
      (): void => void [...store.keysOf('x')].map((key) => store.delete(key)),
      (): void => {
        react = () => undefined
        store.set('d', 'd', 100, ['x'])
      },
    ]) {
      react = () => undefined
      store.clear()
      store.set('a', 'a', 100, ['x'])
      store.set('b', 'b', 100, ['x'])
      react = reaction
      store.set('c', 'c', 100, ['x'])
      consistent()
    }
  })
})

interface Kept {
  readonly value: string
  readonly size: number
  readonly closure: readonly string[]
}

/** The store as one would write it without a thought for speed. */
class Model {
  readonly entries = new Map<string, Kept>()
  readonly evicted: string[] = []
  readonly #limit: number

  constructor(limit: number) {
    this.#limit = limit
  }

  bytes = 0

  get(key: string): string | undefined {
    const entry = this.entries.get(key)
    if (!entry) return undefined
    this.entries.delete(key)
    this.entries.set(key, entry)
    return entry.value
  }

  set(key: string, entry: Kept): boolean {
    this.delete(key)
    if (entry.size > this.#limit) return false
    for (const [oldest, { size }] of this.entries) {
      if (this.bytes + entry.size <= this.#limit) break
      this.evicted.push(oldest)
      this.entries.delete(oldest)
      this.bytes -= size
    }
    this.entries.set(key, entry)
    this.bytes += entry.size
    return true
  }

  delete(key: string): boolean {
    this.bytes -= this.entries.get(key)?.size ?? 0
    return this.entries.delete(key)
  }

  clear(): void {
    this.entries.clear()
    this.bytes = 0
  }

  keysOf(dependency: string): string[] {
    return [...this.entries].flatMap(([key, { closure: dependencies }]) =>
      dependencies.includes(dependency) ? [key] : [],
    )
  }

  get dependencies(): Set<string> {
    return new Set([...this.entries.values()].flatMap(({ closure: dependencies }) => dependencies))
  }
}

describe('a million random operations', () => {
  const seed = 20_260_304
  const operations = 1_000_000
  const keys = Array.from({ length: 300 }, (_, i) => `GET https://shop.example/products/${i}`)
  const dependencies = Array.from({ length: 60 }, (_, i) => `tag:${i}`)

  it(`keep the byte bound at every moment, and an index that tells exactly what is stored (seed ${seed})`, () => {
    const random = new Random(seed)
    const dependencyMap: (readonly string[])[] = Array.from({ length: 80 }, (_, i) => {
      const size = i % 9
      return [...new Set(Array.from({ length: size }, () => random.one(dependencies)))]
    })
    const bodies = [0, 64, 700, 4_000, 90_000]
    const { store: probe } = storeOf(Number.MAX_SAFE_INTEGER)
    const sizes = new Map<string, number>()
    /** Learnt from a store that holds this entry alone. */
    const sizeOf = (key: string, body: number, dependencies: readonly string[]): number => {
      const name = `${key.length} ${body} ${dependencyMap.indexOf(dependencies)}`
      const known = sizes.get(name)
      if (known !== undefined) return known
      probe.clear()
      probe.set(key, '', body, dependencies)
      sizes.set(name, probe.bytes)
      return probe.bytes
    }
    const limit = 60_000
    const { store, evicted } = storeOf(limit)
    const model = new Model(limit)
    const faults: string[] = []
    const check = (name: string, isRight: boolean): void => {
      if (!isRight) faults.push(name)
    }
    const compare = (step: number): void => {
      check(`keys at ${step}`, sorted(store.keys()) === sorted(model.entries.keys()))
      check(`dependencies at ${step}`, store.dependencies === model.dependencies.size)
      for (const dependency of dependencies) {
        const found = sorted(store.keysOf(dependency))
        check(`${dependency} at ${step}`, found === sorted(model.keysOf(dependency)))
      }
    }
    let refused = 0
    for (let step = 0; step < operations && faults.length === 0; step++) {
      const key = random.one(keys)
      const dice = random.next()
      if (dice < 0.5) {
        const body = random.one(bodies)
        const closure = random.one(dependencyMap)
        const value = String(step)
        const size = sizeOf(key, body, closure)
        const isKept = model.set(key, { value, size, closure })
        check(`set ${step}`, store.set(key, value, body, closure) === isKept)
        if (!isKept) refused++
      } else if (dice < 0.8) {
        check(`get ${step}`, store.get(key) === model.get(key))
      } else if (dice < 0.9) {
        check(`peek ${step}`, store.peek(key) === model.entries.get(key)?.value)
      } else if (dice < 0.999_9) {
        check(`delete ${step}`, store.delete(key) === model.delete(key))
      } else {
        store.clear()
        model.clear()
      }
      check(`bound at ${step}`, store.bytes <= limit && store.bytes === model.bytes)
      check(`entries at ${step}`, store.entries === model.entries.size)
      if (step % 5_000 === 0) compare(step)
    }
    compare(operations)
    expect(faults).toEqual([])
    expect(evicted.map(({ key }) => key)).toEqual(model.evicted)
    // The run went where it should: evictions, refusals and a store that is not empty.
    expect(evicted.length).toBeGreaterThan(50_000)
    expect(refused).toBeGreaterThan(50_000)
    expect(store.entries).toBeGreaterThan(5)
  })
})

function sorted(names: Iterable<string>): string {
  return [...names].toSorted().join('\n')
}
