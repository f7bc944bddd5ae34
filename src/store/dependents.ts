/** The keys whose closure has one dependency, and how many of them are fragments. */
export class Dependents {
  readonly keys: Set<string> = new Set()
  fragments = 0

  get size(): number {
    return this.keys.size
  }

  add(key: string): void {
    this.keys.add(key)
    if (isFragmentKey(key)) this.fragments++
  }

  delete(key: string): void {
    if (this.keys.delete(key) && isFragmentKey(key)) this.fragments--
  }
}

/** A great number of keys, as receipts and events tell of them: how many they were then, and which they are. */
export type Many = Readonly<Pick<Dependents, 'fragments' | 'size'>> & {
  readonly keys: ReadonlySet<string>
}

function isFragmentKey(key: string): boolean {
  return key.startsWith('fragment:')
}
