/** The keys whose closure has one dependency, and how many of them are fragments. */
export class Dependents {
  readonly keys: Set<string> = new Set()
  fragments = 0

  add(key: string): void {
    this.keys.add(key)
    if (isFragmentKey(key)) this.fragments++
  }

  delete(key: string): void {
    if (this.keys.delete(key) && isFragmentKey(key)) this.fragments--
  }
}

export function isFragmentKey(key: string): boolean {
  return key.startsWith('fragment:')
}
