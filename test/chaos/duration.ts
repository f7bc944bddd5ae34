import type { Random } from '../support/random.ts'

/** Milliseconds that a fault lasts: from a fifth of the bound to two and a half times as long. */
export function lasting(random: Random, staleness: number): number {
  return Math.round(staleness * (0.2 + random.next() * 2.3))
}
