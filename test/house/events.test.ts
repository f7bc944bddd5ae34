import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { root } from './imports.ts'

// docs/events.md is held to src/events/events.ts, src/events/warm-progress.ts and src/events/reasons.ts: the same events, fields and reasons, and the same sentences.
const source = ['src/events/reasons.ts', 'src/events/events.ts', 'src/events/warm-progress.ts']
  .map((path) => readFileSync(root + path, 'utf8'))
  .join('\n')
const document = readFileSync(`${root}docs/events.md`, 'utf8')

/** `interface CacheflowEvents` as a table: `hit -> HitEvent`. */
const events = new Map(
  [...(interfaceOf('CacheflowEvents') ?? '').matchAll(/^ {2}(\w+): (\w+)$/gm)].map(
    ([, name = '', type = '']) => [name, type],
  ),
)
const sections = new Map(
  document
    .split(/^## /m)
    .slice(1)
    .map((section) => [/^`(\w+)`$/m.exec(section.split('\n', 1)[0] ?? '')?.[1] ?? '', section]),
)

describe('docs/events.md', () => {
  it('has a section for every event, and no other', () => {
    const documented = [...sections.keys()].filter((name) => name !== '')
    expect(events.size).toBeGreaterThanOrEqual(10)
    expect(documented).toEqual([...events.keys()])
  })

  it('names the diagnostics channel of every event', () => {
    const named = new Set([...document.matchAll(/`cacheflow:(\w+)`/g)].map((match) => match[1]))
    expect(named).toEqual(new Set(events.keys()))
  })

  for (const [name, type] of events) {
    it(`lists the fields of ${name} with their types`, () => {
      expect(tableOf(sections.get(name), 'field').map(([field, of]) => [field, of])).toEqual(
        fieldsOf(type),
      )
    })

    const reasons = fieldsOf(type).find(([field]) => field === 'reason')?.[1] ?? ''
    // A warning's reasons are those of the refusal that it warns of.
    if (reasons === '' || name === 'warning') continue
    it(`explains every reason of ${name} in the words of the source`, () => {
      const members = membersOf(reasons)
      expect(members.length).toBeGreaterThanOrEqual(2)
      expect(members.filter(([, sentence]) => sentence === '')).toEqual([])
      expect(tableOf(sections.get(name), 'reason')).toEqual(members)
    })
  }

  for (const [event, heading, type] of [
    ['fragment', 'uncacheable', 'FragmentUncacheableReason'],
    ['audit', 'difference', 'AuditDifference'],
  ] as const) {
    it(`explains every value of ${heading} of ${event}`, () => {
      const rows = tableOf(sections.get(event), heading)
      const members = membersOf(type)
      expect(rows.map(([name]) => name)).toEqual(members.map(([name]) => name))
      for (const [index, [name, sentence]] of members.entries()) {
        if (sentence !== '') expect(rows[index]).toEqual([name, sentence])
      }
    })
  }

  it('names the reasons that are warned of', () => {
    const warned = [
      ...readFileSync(`${root}src/response/warnings.ts`, 'utf8').matchAll(
        /^ {2}'?([a-z-]+)'?:\s/gm,
      ),
    ]
    const text = /Warned of are ([^]*?)\.\n/.exec(document)?.[1] ?? ''
    const named = [...text.matchAll(/`([\w-]+)`/g)].map((match) => match[1])
    expect(warned.length).toBeGreaterThanOrEqual(10)
    expect(new Set(named)).toEqual(new Set(warned.map((match) => match[1])))
  })
})

function interfaceOf(name: string): string | undefined {
  return new RegExp(`^export interface ${name} \\{([^]*?)^\\}`, 'm').exec(source)?.[1]
}

/** The fields of an event: name and type. */
function fieldsOf(type: string): [string, string][] {
  const fields = (interfaceOf(type) ?? '').matchAll(/^ {2}readonly (\w+): (.+)$/gm)
  return [...fields].map(([, name = '', of = '']) => [name, of])
}

/** The members of a union of strings: each with the sentence of its comment, '' where it has none. */
function membersOf(type: string): [string, string][] {
  const union = new RegExp(`^export type ${type} =\\n([^]*?)\\n\\n`, 'm').exec(source)?.[1] ?? ''
  const members = union.matchAll(/(?:\/\*\*((?:(?!\*\/)[^])*)\*\/\s*)?\| '([\w-]+)'/g)
  return [...members].map(([, comment = '', name = '']) => [
    name,
    comment.replaceAll(/\s*\n\s*\* ?/g, ' ').trim(),
  ])
}

/** The rows of the table whose first column has this heading, without their backticks around whole cells. */
function tableOf(section: string | undefined, heading: string): string[][] {
  const lines = (section ?? '').split('\n')
  const start = lines.findIndex((line) => line.startsWith(`| ${heading} `))
  const end = lines.findIndex((line, i) => i > start && line === '')
  return lines.slice(start + 2, end).map((line) =>
    line
      .slice(1, -1)
      .split(/(?<!\\)\|/)
      .map((cell) =>
        cell
          .trim()
          .replaceAll('\\|', '|')
          .replace(/^`([^`]*)`$/, '$1'),
      ),
  )
}
