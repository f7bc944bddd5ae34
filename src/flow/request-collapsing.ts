import type { Dependency } from '../graph/dependency.ts'
import type { StoredResponse } from '../http/stored-response.ts'
import type { Sequence, Start } from '../graph/sequence.ts'

/** How a waiting request's wait ended. */
export type Collapse =
  /** The making ended, stored or not: look again. */
  | 'settled'
  /** It took longer than `collapse.timeout`. */
  | 'timeout'

/** Node lets a longer timer end at once. */
const longestTimer = 2 ** 31 - 1

/** One response being made, and the requests that wait for it. */
export class Making {
  readonly key: string
  readonly start: Start
  readonly #dependencies: () => Iterable<Dependency>
  readonly #waiting = new Set<(end: Collapse) => void>()
  #settled = false
  /** Another instance made it and is gone: one of those who waited goes on in its place. */
  isHandedOver = false
  /** Other instances wait for its key, too. */
  lease: string | undefined
  /** Its request in the background has reached the cache, under the same key. */
  isMet = false
  /** It is made to be compared with this, and not to be stored. */
  audited: StoredResponse | undefined

  /** @param dependencies tells what it is known to depend on so far */
  constructor(key: string, start: Start, dependencies: () => Iterable<Dependency>) {
    this.key = key
    this.start = start
    this.#dependencies = dependencies
  }

  /** Was something it depends on invalidated since it started? Then nobody who comes now may wait for it. */
  isOvertaken(sequence: Sequence, since = Infinity): boolean {
    const { stamp } = this.start
    if (this.isUnheard(sequence, since)) return true
    return (
      stamp !== sequence.highest && sequence.felledBy(stamp, this.#dependencies()) !== undefined
    )
  }

  /** Did it begin before a request came that nothing older answers, for nothing is heard of other instances? */
  isUnheard(sequence: Sequence, since = Infinity): boolean {
    const { asOf } = this.start
    return asOf < since && !sequence.isTrusted(asOf)
  }

  get waiting(): number {
    return this.#waiting.size
  }

  /** Resolves when the making settles or the time is over, whichever is first. */
  wait(timeout: number): Promise<Collapse> {
    if (this.#settled) return Promise.resolve('settled')
    return new Promise((resolve) => {
      const timer = setTimeout(() => end('timeout'), Math.min(timeout, longestTimer))
      const end = (how: Collapse): void => {
        clearTimeout(timer)
        this.#waiting.delete(end)
        resolve(how)
      }
      this.#waiting.add(end)
    })
  }

  settle(): void {
    this.#settled = true
    for (const end of [...this.#waiting]) end('settled')
  }
}

/**
 * Requests for one key while its response is made: one makes, the others wait and then look into the store. Sharing goes
 * through the store alone, so whatever may not be stored is never shared, and the fence of the store is the only one.
 */
export class RequestCollapsing {
  readonly #makings = new Map<string, Making>()

  get making(): number {
    return this.#makings.size
  }

  find(key: string): Making | undefined {
    return this.#makings.get(key)
  }

  /** Takes the lead; a making that an invalidation overtook stays with those who already wait for it. */
  lead(key: string, start: Start, dependencies: () => Iterable<Dependency>): Making {
    const making = new Making(key, start, dependencies)
    this.#makings.set(key, making)
    return making
  }

  settle(making: Making): void {
    if (this.#makings.get(making.key) === making) this.#makings.delete(making.key)
    making.settle()
  }
}
