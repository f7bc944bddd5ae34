import type { FragmentMaking } from './fragment-render.ts'

/** Fragments being made, by what all have in common that may share one making. */
export class FragmentMakings {
  readonly #clock: () => number
  /** Milliseconds after which a making that has not ended is nobody's to wait for. */
  readonly #timeout: number
  readonly #makings = new Map<string, { readonly making: FragmentMaking; readonly since: number }>()
  readonly #renewing = new Map<string, number>()

  constructor(clock: () => number, timeout: number) {
    this.#clock = clock
    this.#timeout = timeout
  }

  get size(): number {
    return this.#makings.size
  }

  find(id: string): FragmentMaking | undefined {
    const standing = this.#makings.get(id)
    return standing && this.#isDue(standing.since) ? standing.making : undefined
  }

  /** Of several that make the same at once the first is the one to wait for. */
  begin(id: string, making: FragmentMaking): void {
    if (this.find(id) === undefined) this.#makings.set(id, { making, since: this.#clock() })
  }

  /** Nobody waits for it any longer: it has ended, or taken too long. */
  end(id: string, making: FragmentMaking): void {
    if (this.#makings.get(id)?.making === making) this.#makings.delete(id)
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
