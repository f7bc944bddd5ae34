import type { FragmentCall } from './fragment-call.ts'
import type { Shown } from './dependency-tracker.ts'
import { mayDiffer } from './fragment-repeat.ts'
import { isThenable } from './lookup.ts'

/** Bodies that are remembered, and keys that are not stored any more. */
const most = 1_000

/** So often a body is compared whenever its page repeats a key; later, one time of `rarely`. */
const often = 8
const rarely = 16

/** A body is known by the beginning of its source, and by its length. */
const told = 300

/**
 * Do all places of a page that ask for one key show the same? A key that leaves out its record would show the first record
 * everywhere. It costs nothing where a page shows each key once, and a bounded share of the repetitions elsewhere.
 */
export class Agreement {
  /** How often a body was compared, by its name and source. */
  readonly #compared = new Map<string, number>()
  readonly #clashing = new Set<string>()
  readonly #warned = new Set<string>()

  /** Has a page shown two texts under this key? */
  isClashing(key: string): boolean {
    return this.#clashing.size > 0 && this.#clashing.has(key)
  }

  /** Is it time to run a body again, though its text is here? */
  isDue(
    { name }: FragmentCall,
    earlier: Shown,
    { tracker }: Pick<Shown, 'tracker'>,
    body: unknown,
  ): boolean {
    if (!mayDiffer(earlier, { tracker, body })) return false
    const source = String(body)
    const known = `${name} ${source.length} ${source.slice(0, told)}`
    const count = this.#compared.get(known) ?? 0
    if (count === 0) makeRoom(this.#compared)
    this.#compared.set(known, count + 1)
    return count < often || count % rarely === 0
  }

  /** What `check` makes of a body's text. @param otherwise in place of a failure: what was at hand still holds */
  run(
    body: () => unknown,
    check: (made: unknown) => string | Promise<string>,
    otherwise: string | undefined,
  ): string | Promise<string> {
    const failed = (error: unknown): string => {
      if (otherwise === undefined) throw error
      return otherwise
    }
    let made: unknown
    try {
      made = body()
    } catch (error) {
      return failed(error)
    }
    return isThenable(made) ? Promise.resolve(made).then(check, failed) : check(made)
  }

  /** Remembers that a key has two texts. @returns the warning, the first time for its name */
  clash(key: string, { name, where }: FragmentCall): string | undefined {
    makeRoom(this.#clashing)
    this.#clashing.add(key)
    if (this.#warned.has(name) || this.#warned.size >= most) return undefined
    this.#warned.add(name)
    return `${where} is not stored (clash: ${key}). Two bodies of one page gave different texts under this key. Add what they differ in: the record, cacheFragment('posts/card', post(row), body), or { key: page }.`
  }
}

/** What came first goes first. */
function makeRoom(kept: Map<string, unknown> | Set<string>): void {
  if (kept.size < most) return
  for (const first of kept.keys()) {
    kept.delete(first)
    return
  }
}
