import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { errorTable } from '../../src/events/errors.ts'
import { root } from './imports.ts'

const codes = Object.keys(errorTable)

/** `## ERR_CACHEFLOW_TAG` and the text below it. */
function sections(markdown: string): Map<string, string> {
  const parts = markdown.split(/^## /m).slice(1)
  return new Map(
    parts.map((part) => {
      const end = part.indexOf('\n')
      return [part.slice(0, end).replaceAll('`', '').trim(), part.slice(end).trim()]
    }),
  )
}

function documented(): Map<string, string> {
  const path = `${root}docs/errors.md`
  return existsSync(path) ? sections(readFileSync(path, 'utf8')) : new Map<string, string>()
}

/** The text of every TypeScript file below a folder, by its path. */
function texts(folder: string): Map<string, string> {
  const names = readdirSync(root + folder, { recursive: true, encoding: 'utf8' })
  return new Map(
    names
      .filter((name) => name.endsWith('.ts'))
      .map((name) => [`${folder}/${name}`, readFileSync(`${root}${folder}/${name}`, 'utf8')]),
  )
}

function mentions(files: ReadonlyMap<string, string>, code: string): string[] {
  const whole = new RegExp(`\\b${code}\\b`)
  return [...files].filter(([, text]) => whole.test(text)).map(([path]) => path)
}

it('every error code has its section in docs/errors.md, and every section its code', () => {
  expect(codes.length).toBeGreaterThanOrEqual(12)
  expect([...documented().keys()].toSorted()).toEqual(codes.toSorted())
})

it('no section of docs/errors.md is empty', () => {
  const empty = [...documented()].filter(([, text]) => text.length < 40).map(([code]) => code)
  expect(empty).toEqual([])
})

it('every error code is thrown by something in the source', () => {
  const source = new Map([...texts('src'), ...texts('adapters')])
  source.delete('src/events/errors.ts')
  expect(codes.filter((code) => mentions(source, code).length === 0)).toEqual([])
})

it('every error code is met by a test of the part that throws it', () => {
  const tests = texts('test')
  for (const path of tests.keys()) if (path.startsWith('test/house/')) tests.delete(path)
  expect(codes.filter((code) => mentions(tests, code).length === 0)).toEqual([])
})

it('the sections of a document are found by their headings', () => {
  expect([
    ...sections('# E\n\nIntro\n\n## `ERR_A`\n\nText\n\n### More\n\n## ERR_B\n').entries(),
  ]).toEqual([
    ['ERR_A', 'Text\n\n### More'],
    ['ERR_B', ''],
  ])
})
