import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { root } from './imports.ts'

/** How many rules each letter has. */
const counts = { M: 56, C: 30, S: 42 } as const

interface Row {
  readonly rule: string
  readonly text: string
  /** The test files it names. */
  readonly files: readonly string[]
}

/** `| M-1 | what we do | [storing](../test/rules/semantics-storing.test.ts) |` */
function rowsOf(markdown: string): Row[] {
  return markdown.split('\n').flatMap((line) => {
    const [, rule, text = ''] = /^\| *([MCS]-\d+) *\|(.*)$/.exec(line) ?? []
    const files = text.match(/\btest\/[\w./-]+\.ts\b/g) ?? []
    return rule === undefined ? [] : [{ rule, text, files }]
  })
}

/**
 * The rules that some string of a file begins with: `'M-3: ...'`, `'M-3, M-4: ...'`, `'M-2 to M-11: ...'`, or the rule alone,
 * `'M-3'`, where titles are put together.
 */
function rulesTestedIn(text: string): Set<string> {
  const rules = new Set<string>()
  for (const [, list = ''] of text.matchAll(
    /['"`]([MCS]-\d+(?:(?:, | to )[MCS]-\d+)*)(?:: |['"`])/g,
  )) {
    for (const part of list.split(', ')) {
      const [first = '', last = first] = part.split(' to ')
      const letter = first.slice(0, 2)
      for (let n = Number(first.slice(2)); n <= Number(last.slice(2)); n++) rules.add(letter + n)
    }
  }
  return rules
}

const path = `${root}docs/http.md`
const rows = rowsOf(existsSync(path) ? readFileSync(path, 'utf8') : '')
const tested = new Map<string, Set<string>>()
for (const file of new Set(rows.flatMap(({ files }) => files))) {
  tested.set(
    file,
    existsSync(root + file) ? rulesTestedIn(readFileSync(root + file, 'utf8')) : new Set(),
  )
}

describe('docs/http.md', () => {
  it.each(Object.entries(counts))('has one row for every rule of %s, in order', (letter, count) => {
    const rules = rows.map(({ rule }) => rule).filter((rule) => rule.startsWith(letter))
    expect(rules).toEqual(Array.from({ length: count }, (_, i) => `${letter}-${i + 1}`))
  })

  it('names for every rule a file with a test of that rule, or says why it is left out', () => {
    const unproved = rows.flatMap(({ rule, text, files }) => {
      if (files.length === 0) return /left out: \w/i.test(text) ? [] : [`${rule} names no test`]
      return files
        .filter((file) => tested.get(file)?.has(rule) !== true)
        .map((file) => `${rule} is in no title of ${file}`)
    })
    expect(unproved).toEqual([])
  })
})

describe('the reading of it', () => {
  it('finds rows, files and titles as they are written', () => {
    const markdown =
      '| M-1  | text `a` | [x](../test/rules/x.test.ts), `test/y.test.ts` |\n| Rule | | |'
    expect(rowsOf(markdown)).toMatchObject([
      { rule: 'M-1', files: ['test/rules/x.test.ts', 'test/y.test.ts'] },
    ])
    const titles = [
      "it('M-1: a', ...)",
      'rule("C-2, C-4: b")',
      '`S-7 to S-9: c`',
      "'see M-5: d'",
      "'M-6 e'",
      "side ? 'C-10' : 'C-11'",
    ]
    expect([...rulesTestedIn(titles.join('\n'))]).toEqual([
      'M-1',
      'C-2',
      'C-4',
      'S-7',
      'S-8',
      'S-9',
      'C-10',
      'C-11',
    ])
  })
})
