import { MAX_UNCHECKED } from '../invalidation/sequence.ts'

/** An instance as Redis remembers it. */
export interface Instance {
  readonly name: string
  /** Until when it counts as heard of, by the clock of Redis, milliseconds since 1970. */
  readonly till: number
  readonly maxStaleness: number
  /** It believes nothing, not even what it makes itself, once it was not heard of for maxStaleness. */
  readonly isStrict: boolean
}

/** Each on a line of its own: its name, until when it counts as heard of, its maxStaleness, and whether it is strict. */
export function instancesIn(text: string): Instance[] {
  const lines = text.matchAll(/^(\S+) (\d+) (\d+)( strict)?$/gm)
  return Array.from(lines, ([, name = '', till, bound, strict]) => ({
    name,
    till: Number(till),
    maxStaleness: Number(bound),
    isStrict: strict !== undefined,
  }))
}

/**
 * The other instances, and since when each was not heard of, by a clock of this process that only goes forward: the
 * clock of Redis may jump.
 */
export class Roster {
  readonly #seen = new Map<string, { readonly till: number; readonly at: number }>()

  /** @param at when Redis is known to have said so */
  note(instances: readonly Instance[], at: number): void {
    const names = new Set(instances.map(({ name }) => name))
    for (const name of this.#seen.keys()) if (!names.has(name)) this.#seen.delete(name)
    for (const { name, till } of instances) {
      if (this.#seen.get(name)?.till !== till) this.#seen.set(name, { till, at })
    }
  }

  /**
   * When an instance that Redis has just told of believes nothing any more of what was made before now, unless it is
   * heard of again. What it heard of last was before that was first seen here.
   */
  endOf({ name, maxStaleness, isStrict }: Instance, now: number): number {
    const heardAt = this.#seen.get(name)?.at ?? now
    if (isStrict) return heardAt + maxStaleness
    return Math.min(now + maxStaleness, heardAt + Math.max(MAX_UNCHECKED, maxStaleness))
  }
}
