import type { FragmentRender } from './fragment-render.ts'

/** Fragments being made, by what all have in common that may share one making. */
export class InFlightFragments {
  readonly #clock: () => number
  /** Milliseconds after which a making that has not ended is nobody's to wait for. */
  readonly #timeout: number
  readonly #renders = new Map<string, { readonly render: FragmentRender; readonly since: number }>()
  readonly #renewing = new Map<string, number>()

  constructor(clock: () => number, timeout: number) {
    this.#clock = clock
    this.#timeout = timeout
  }

  get size(): number {
    return this.#renders.size
  }

  find(id: string): FragmentRender | undefined {
    const existing = this.#renders.get(id)
    return existing && this.#isDue(existing.since) ? existing.render : undefined
  }

  /** Of several that make the same at once the first is the one to wait for. */
  start(id: string, render: FragmentRender): void {
    if (this.find(id) === undefined) this.#renders.set(id, { render, since: this.#clock() })
  }

  /** Nobody waits for it any longer: it has ended, or taken too long. */
  end(id: string, render: FragmentRender): void {
    if (this.#renders.get(id)?.render === render) this.#renders.delete(id)
  }

  /** Makes something anew beside what is shown: one at a time, unless that one hangs. */
  renew(id: string, make: () => unknown): void {
    const since = this.#renewing.get(id)
    if (this.find(id) || (since !== undefined && this.#isDue(since))) return
    const now = this.#clock()
    this.#renewing.set(id, now)
    setImmediate(() => {
      void (async () => {
        try {
          await make()
        } catch {
          // The event has told it, and what is stale stays for its time.
        } finally {
          if (this.#renewing.get(id) === now) this.#renewing.delete(id)
        }
      })()
    })
  }

  #isDue(since: number): boolean {
    return this.#clock() - since < this.#timeout
  }
}
