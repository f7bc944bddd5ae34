import type { HitReason, MissReason } from '../events/reasons.ts'

/** What came of one request of a warmer. */
export type WarmResult =
  /** It is stored by now. */
  | { readonly kind: 'made'; readonly bytes: number }
  /** It was stored and fresh already, or another instance has made it meanwhile. */
  | { readonly kind: 'fresh' }
  /** The application has answered, and nothing is stored of it. */
  | {
      readonly kind: 'refused'
      /** An UncacheableReason or a BypassReason, as far as the cache is in this process. */
      readonly reason: string
      readonly detail: string | undefined
    }
  /** The application has failed, and something stale stood in for it. */
  | { readonly kind: 'failed' }

/** A request of a warmer, for which what is stored has to be better than for a visitor. */
export class WarmRequestState {
  /** What is fresh for so long and no longer is made anew, too, milliseconds. */
  readonly leastFresh: number
  /** It has come to a cache. */
  isMet = false
  end: WarmResult | undefined
  #tell: () => void = () => undefined
  /** Resolves when something is known to have come of it. */
  readonly told: Promise<void> = new Promise((resolve) => {
    this.#tell = resolve
  })

  constructor(leastFresh: number) {
    this.leastFresh = leastFresh
  }

  /** Of several the last one counts: what was stored may be taken back. */
  tell(end: WarmResult): void {
    this.end = end
    this.#tell()
  }

  /** A stored response was used. */
  hit(reason: HitReason, bytes: number): void {
    if (reason === 'stale-if-error') this.tell({ kind: 'failed' })
    else this.tell(reason === 'validated' ? { kind: 'made', bytes } : { kind: 'fresh' })
  }

  /** How it may use what a visitor could use: nothing stale, and nothing that soon will be. @param freshFor milliseconds */
  use<Use extends HitReason | MissReason>(judged: Use, freshFor: number): Use | 'expired' | 'warm' {
    if (judged === 'stale-while-revalidate') return 'expired'
    return judged === 'fresh' && freshFor <= this.leastFresh ? 'warm' : judged
  }
}
