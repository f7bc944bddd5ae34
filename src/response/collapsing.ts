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
const MAX_TIMER = 2 ** 31 - 1
/** After how long a refresh that does not end keeps back no other one, milliseconds. */
const MAX_REFRESH = 60_000

/** One response being made, and the requests that wait for it. */
export class InFlightRender {
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
  isSuperseded(sequence: Sequence, since: number = Infinity): boolean {
    const { startSequence } = this.start
    if (this.isDisconnected(sequence, since)) return true
    return (
      startSequence !== sequence.highest &&
      sequence.invalidatedBy(startSequence, this.#dependencies()) !== undefined
    )
  }

  /** Did it begin before a request came that nothing older answers, for nothing is heard of other instances? */
  isDisconnected(sequence: Sequence, since: number = Infinity): boolean {
    const { verifiedAt } = this.start
    return verifiedAt < since && !sequence.isTrusted(verifiedAt)
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
      const timer = setTimeout(() => end('timeout'), Math.min(timeout, MAX_TIMER))
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
  readonly #onDisplaced: (render: InFlightRender) => void
  readonly #renders = new Map<string, InFlightRender>()
  /** Nobody who comes now waits for these; what they have read may still be stored. */
  readonly #displaced = new Map<string, Set<InFlightRender>>()

  /** @param onDisplaced told of a making for which nobody waits from now on */
  constructor(onDisplaced: (render: InFlightRender) => void = () => undefined) {
    this.#onDisplaced = onDisplaced
  }

  get render(): number {
    return this.#renders.size
  }

  find(key: string): InFlightRender | undefined {
    return this.#renders.get(key)
  }

  /** Takes the lead; a making that an invalidation overtook stays with those who already wait for it. */
  lead(key: string, start: Start, dependencies: () => Iterable<Dependency>): InFlightRender {
    const render = new InFlightRender(key, start, dependencies)
    const existing = this.#renders.get(key)
    if (existing) this.#putAside(existing)
    this.#renders.set(key, render)
    return render
  }

  /** Is the key being made by another one, whoever waits for it? */
  isRenderedBeside(key: string, own: InFlightRender | undefined): boolean {
    const existing = this.#renders.get(key)
    if (existing !== undefined && existing !== own) return true
    for (const each of this.#displaced.get(key) ?? []) if (each !== own) return true
    return false
  }

  /** The making of a key, unless it has taken too long: whatever holds it up keeps back nobody who comes now. */
  inTime(key: string, timeout: number): InFlightRender | undefined {
    const render = this.#renders.get(key)
    if (render === undefined || !render.isOlderThan(timeout)) return render
    this.#displace(render)
    return undefined
  }

  /** Is a refresh of a key superfluous? */
  holds(key: string, sequence: Sequence, timeout: number | false): boolean {
    const patience = this.#renders.get(key)?.isRefresh === true ? MAX_REFRESH : timeout || 0
    return this.inTime(key, patience)?.isSuperseded(sequence) === false
  }

  /** Something was stored under a key: whoever waits for another making of it need not any longer. */
  overtake(key: string, own: InFlightRender | undefined): void {
    const existing = this.#renders.get(key)
    if (existing === undefined || existing === own) return
    this.#displace(existing)
    existing.settle()
  }

  #displace(render: InFlightRender): void {
    this.#putAside(render)
    this.#onDisplaced(render)
  }

  #putAside(render: InFlightRender): void {
    const { key } = render
    this.#renders.delete(key)
    const displaced = this.#displaced.get(key)
    if (displaced) displaced.add(render)
    else this.#displaced.set(key, new Set([render]))
  }

  settle(render: InFlightRender): void {
    const { key } = render
    if (this.#renders.get(key) === render) this.#renders.delete(key)
    const displaced = this.#displaced.get(key)
    if (displaced?.delete(render) === true && displaced.size === 0) this.#displaced.delete(key)
    render.settle()
  }
}
