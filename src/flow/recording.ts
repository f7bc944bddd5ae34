import type { RefuseReason } from '../events.ts'

/** What is being made now, and what it has used: its stamp, dependencies, tags and wishes. */
export class Recording {
  /** The sequence number at which the making started. */
  readonly stamp: number
  readonly dependencies: Set<string> = new Set()
  readonly tags: Set<string> = new Set()
  /** The shortest maxAge asked for, milliseconds. */
  #maxAge: number | undefined
  #refusal: { readonly reason: RefuseReason; readonly detail: string } | undefined

  constructor(stamp: number) {
    this.stamp = stamp
  }

  get maxAge(): number | undefined {
    return this.#maxAge
  }

  get refusal(): { readonly reason: RefuseReason; readonly detail: string } | undefined {
    return this.#refusal
  }

  /** An encloser never outlives what it encloses, so of several wishes the shortest holds. */
  limitMaxAge(milliseconds: number): void {
    this.#maxAge = Math.min(this.#maxAge ?? Infinity, milliseconds)
  }

  refuse(detail: string): void {
    this.#refusal ??= { reason: 'draft', detail }
  }
}
