/** What Redis did with an invalidation. */
export interface Confirmation {
  readonly sequence: number
  /** What fell at once; the rest of a great number falls in slices behind. */
  readonly invalidated: readonly string[]
  readonly more: number
  /** The other instances, each with when it believes nothing any more that was made before, if it does not confirm. */
  readonly others: ReadonlyMap<string, number>
  /** When one that is not known does not: none may be missing behind the beginning of an epoch. */
  readonly unknownUntil: number
  readonly epoch: string
  /** Its number in Redis. */
  readonly number: number
}
