/** What an entry depends on by itself, and the fragments inside it. */
export interface DependencyTree {
  readonly key: string
  /** False of a fragment that has gone, or was not asked for: what lay in it stands with what encloses it. */
  readonly isStored: boolean
  /** It stands further above, with all that lies in it. */
  readonly isRepeated: boolean
  readonly dependencies: readonly string[]
  readonly contains: readonly DependencyTree[]
}

const keyPrefix = 'key:'

/** The keys of the fragments that a closure names, at any depth. */
export function fragmentsIn(dependencies: readonly string[]): string[] {
  return dependencies
    .filter((name) => name.startsWith(`${keyPrefix}fragment:`))
    .map((name) => name.slice(keyPrefix.length))
}

/**
 * Closures are flat: a fragment lies directly inside an entry where no other fragment of that entry has it, and a
 * dependency belongs to the innermost that has it. What several enclose is opened once.
 *
 * @param dependencyMap of the entry and of its stored fragments, by key
 */
export function treeOf(
  key: string,
  dependencyMap: ReadonlyMap<string, readonly string[]>,
  opened: Set<string> = new Set(),
): DependencyTree {
  const dependencies = dependencyMap.get(key)
  if (dependencies === undefined || opened.has(key)) {
    const isStored = dependencies !== undefined
    return { key, isStored, isRepeated: isStored, dependencies: [], contains: [] }
  }
  opened.add(key)
  const inside = fragmentsIn(dependencies).filter((each) => each !== key)
  const covered = new Set<string>()
  const hidden = new Set<string>()
  for (const each of inside) {
    // Of fragments that enclose each other the first one is the outer.
    if (hidden.has(each)) continue
    for (const name of dependencyMap.get(each) ?? []) {
      if (name !== keyPrefix + each) hidden.add(name.slice(keyPrefix.length))
    }
  }
  const direct = inside.filter((each) => !hidden.has(each))
  for (const each of direct) {
    covered.add(keyPrefix + each)
    for (const name of dependencyMap.get(each) ?? []) covered.add(name)
  }
  return {
    key,
    isStored: true,
    isRepeated: false,
    dependencies: dependencies.filter((name) => name !== keyPrefix + key && !covered.has(name)),
    contains: direct.map((each) => treeOf(each, dependencyMap, opened)),
  }
}

/** A line for each dependency and each fragment, by two spaces further in for each that encloses it. */
export function treeLines(
  { key, dependencies, contains: encloses }: DependencyTree,
  describe: (dependency: string) => string,
  indent = '  ',
): string[] {
  return [
    ...dependencies
      // All fragments of its name: told where there is something to tell.
      .filter((name) => name !== key || describe(name) !== name)
      .map((name) => indent + describe(name)),
    ...encloses.flatMap((inner) => [
      indent + describe(keyPrefix + inner.key).slice(keyPrefix.length) + markOf(inner),
      ...treeLines(inner, describe, `${indent}  `),
    ]),
  ]
}

function markOf({ isStored, isRepeated }: DependencyTree): string {
  if (isRepeated) return ', as above'
  return isStored ? '' : ', not stored'
}
