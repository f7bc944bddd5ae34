/** An instance as Redis remembers it. */
export interface Instance {
  readonly name: string
  /** Until when it counts as heard of, by the clock of Redis, milliseconds since 1970. */
  readonly till: number
  readonly maxStaleness: number
}

/** Each on a line of its own: its name, until when it counts as heard of, and its maxStaleness. */
export function instancesIn(text: string): Instance[] {
  return Array.from(text.matchAll(/^(\S+) (\d+) (\d+)$/gm), ([, name = '', till, bound]) => ({
    name,
    till: Number(till),
    maxStaleness: Number(bound),
  }))
}
