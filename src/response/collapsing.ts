import type { Dependency } from '../invalidation/dependency.ts'
import type { StoredResponse } from '../http/stored-response.ts'
import type { Sequence, Start } from '../invalidation/sequence.ts'

/** How a waiting request's wait ended. */
export type Collapse =
  /** The making ended, stored or not: look again. */
  | 'settled'
  /** It took longer than `collapse.timeout`. */
  | 'timeout'

/** Node lets a longer timer end at once. */
const longestTimer = 2 ** 31 - 1
/** After how long a refresh that does not end keeps back no other one, milliseconds. */
const longestRefresh = 60_000

/** One response being made, and the requests that wait for it. */
export class Making {
  readonly key: string
  readonly start: Start
  readonly #dependencies: () => Iterable<Dependency>
  readonly #waiting = new Set<(end: Collapse) => void>()
  readonly #startedAt = performance.now()
  #settled = false
  /** Another instance made it and is gone: one of those who waited goes on in its place. */
  isHandedOver = false
  /** Other instances wait for its key, too. */
  lease: string | undefined
  /** Its request in the background has reached the cache, under the same key. */
  isMet = false
  /** In the background: no client holds it up. */
  isRefresh = false
  /** It is made to be compared with this, and not to be stored. */
  audited: StoredResponse | undefined

  /** @param dependencies tells what it is known to depend on so far */
  constructor(key: string, start: Start, dependencies: () => Iterable<Dependency>) {
    this.key = key
    this.start = start
    this.#dependencies = dependencies
  }

  /** Was something it depends on invalidated since it started? Then nobody who comes now may wait for it. */
  isOvertaken(sequence: Sequence, since: number = Infinity): boolean {
    const { stamp } = this.start
    if (this.isUnheard(sequence, since)) return true
    return (
      stamp !== sequence.highest && sequence.felledBy(stamp, this.#dependencies()) !== undefined
    )
  }

  /** Did it begin before a request came that nothing older answers, for nothing is heard of other instances? */
  isUnheard(sequence: Sequence, since: number = Infinity): boolean {
    const { asOf } = this.start
    return asOf < since && !sequence.isTrusted(asOf)
  }

  isOlderThan(milliseconds: number): boolean {
    return performance.now() - this.#startedAt >= milliseconds
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
  readonly #onDisplaced: (making: Making) => void
  readonly #makings = new Map<string, Making>()
  /** Nobody who comes now waits for these; what they have read may still be stored. */
  readonly #displaced = new Map<string, Set<Making>>()

  /** @param onDisplaced told of a making for which nobody waits from now on */
  constructor(onDisplaced: (making: Making) => void = () => undefined) {
    this.#onDisplaced = onDisplaced
  }

  get making(): number {
    return this.#makings.size
  }

  find(key: string): Making | undefined {
    return this.#makings.get(key)
  }

  /** Takes the lead; a making that an invalidation overtook stays with those who already wait for it. */
  lead(key: string, start: Start, dependencies: () => Iterable<Dependency>): Making {
    const making = new Making(key, start, dependencies)
    const standing = this.#makings.get(key)
    if (standing) this.#putAside(standing)
    this.#makings.set(key, making)
    return making
  }

  /** Is the key being made by another one, whoever waits for it? */
  isMadeBeside(key: string, own: Making | undefined): boolean {
    const standing = this.#makings.get(key)
    if (standing !== undefined && standing !== own) return true
    for (const each of this.#displaced.get(key) ?? []) if (each !== own) return true
    return false
  }

  /** The making of a key, unless it has taken too long: whatever holds it up keeps back nobody who comes now. */
  inTime(key: string, timeout: number): Making | undefined {
    const making = this.#makings.get(key)
    if (making === undefined || !making.isOlderThan(timeout)) return making
    this.#displace(making)
    return undefined
  }

  /** Is a refresh of a key superfluous? */
  keepsBack(key: string, sequence: Sequence, timeout: number | false): boolean {
    const patience = this.#makings.get(key)?.isRefresh === true ? longestRefresh : timeout || 0
    return this.inTime(key, patience)?.isOvertaken(sequence) === false
  }

  /** Something was stored under a key: whoever waits for another making of it need not any longer. */
  overtake(key: string, own: Making | undefined): void {
    const standing = this.#makings.get(key)
    if (standing === undefined || standing === own) return
    this.#displace(standing)
    standing.settle()
  }

  #displace(making: Making): void {
    this.#putAside(making)
    this.#onDisplaced(making)
  }

  #putAside(making: Making): void {
    const { key } = making
    this.#makings.delete(key)
    const displaced = this.#displaced.get(key)
    if (displaced) displaced.add(making)
    else this.#displaced.set(key, new Set([making]))
  }

  settle(making: Making): void {
    const { key } = making
    if (this.#makings.get(key) === making) this.#makings.delete(key)
    const displaced = this.#displaced.get(key)
    if (displaced?.delete(making) === true && displaced.size === 0) this.#displaced.delete(key)
    making.settle()
  }
}
