/**
 * How many characters a synchronous function looks at, copies or searches: a measure of its work that
 * does not depend on the machine. A regular expression is charged its whole input each time it starts,
 * so one that backtracks must not be used on long strings at all: above 64 characters it throws.
 */
function stringWork(run: () => unknown): number {
  let characters = 0
  const restore = [
    ...['charCodeAt', 'charAt'].map((name) => watch(String.prototype, name, () => 1)),
    ...['trim', 'trimEnd', 'toLowerCase', 'split'].map((name) =>
      watch(String.prototype, name, (text) => text.length),
    ),
    watch(String.prototype, 'slice', (_, __, part) => String(part).length),
    watch(String.prototype, 'indexOf', (text, [, from], found) => {
      const end = found === -1 ? text.length : Number(found)
      return end - Number(from ?? 0) + 1
    }),
    watch(RegExp.prototype, 'exec', (pattern, [text]) => {
      const { length } = String(text)
      if (length > 64) throw new Error(`${pattern} was started on ${length} characters`)
      return length
    }),
  ]

  function watch(
    owner: object,
    name: string,
    cost: (text: string, given: readonly unknown[], result: unknown) => number,
  ): () => void {
    const descriptor = Object.getOwnPropertyDescriptor(owner, name)
    const original: unknown = descriptor?.value
    if (descriptor === undefined || typeof original !== 'function') throw new Error(name)
    function watched(this: unknown, ...given: unknown[]): unknown {
      const result: unknown = Reflect.apply(original as () => unknown, this, given)
      characters += cost(String(this), given, result)
      return result
    }
    Object.defineProperty(owner, name, { ...descriptor, value: watched })
    return () => Object.defineProperty(owner, name, descriptor)
  }

  try {
    run()
  } finally {
    for (const undo of restore) undo()
  }
  return characters
}

/**
 * The work per character of growing hostile values, for a test to bound: when the greatest is a small
 * constant at 2,000 and at 32,000 repetitions, the work is linear.
 */
export function workPerCharacter(
  hostile: (repetitions: number) => string,
  read: (value: string) => unknown,
): number {
  const sizes = [2_000, 8_000, 32_000]
  const ratios = sizes.map((size) => {
    const value = hostile(size)
    return stringWork(() => read(value)) / value.length
  })
  return Math.max(...ratios)
}

/** Values that make careless parsers of header fields run for seconds, or wrong (S-30). */
export const hostileValues: Readonly<Record<string, (repetitions: number) => string>> = {
  'spaces after the equals sign': (n) => `max-age=${' '.repeat(n)}`,
  'spaces around a name': (n) => `${' '.repeat(n)}max-age${' '.repeat(n)}=1`,
  'spaces and tabs alone': (n) => ' \t'.repeat(n),
  'directives without end': (n) => 'max-age=1,'.repeat(n),
  'commas alone': (n) => ','.repeat(n),
  'equals signs alone': (n) => '='.repeat(n),
  'quotes alone': (n) => `a=${'"'.repeat(2 * n + 1)}`,
  'one quote after another, each swallowing commas': (n) => 'a="\\",'.repeat(n),
  'quoted strings that open and never close': (n) => `${'a="b",'.repeat(n)}c="${'d,'.repeat(n)}`,
  'nested quotes': (n) => `private="${'\\"'.repeat(n)}"`,
  'one field name after another': (n) =>
    Array.from({ length: n }, (_, i) => `private="x${i}"`).join(','),
  digits: (n) => `max-age=${'9'.repeat(n)}`,
  parentheses: (n) => `a=${'('.repeat(n)}`,
  'an inner list': (n) => `a=(${'b '.repeat(n)})`,
  parameters: (n) => `a${';b'.repeat(n)}`,
  'percent signs': (n) => `a=%"${'%c3%a9'.repeat(n)}"`,
  colons: (n) => `a=:${'YQ=='.repeat(n)}`,
}
