import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { expect, it } from 'vitest'
import { root } from './imports.ts'

// docs/how-it-works.md walks through the source by name: the names have to be there.
const document = readFileSync(`${root}docs/how-it-works.md`, 'utf8')
const files = ['src', 'adapters'].flatMap((folder) =>
  readdirSync(root + folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => readFileSync(`${root}${folder}/${name}`, 'utf8')),
)
const source = files.join('\n')

/** What belongs to applications and frameworks. */
const theirs = new Set(['get', 'accepts', 'next', 'key', 'session'])

it('names only functions that the source has', () => {
  const called = [...document.matchAll(/\b([A-Za-z]+)\(/g)].map((match) => match[1] ?? '')
  const ours = new Set(called.filter((name) => !theirs.has(name)))
  expect(ours.size).toBeGreaterThanOrEqual(30)
  const declared = (name: string): boolean =>
    new RegExp(`(?:function |^ {2}(?:async )?|\\*)${name}(?:<[^(]*>)?\\(`, 'm').test(source)
  expect([...ours].filter((name) => !declared(name))).toEqual([])
})

it('names methods with the class or interface that has them', () => {
  const named = document.matchAll(/\b((?:[A-Z][a-z]+)+)\.([a-z]\w*)\(/g)
  const pairs = new Map(
    [...named].map(([whole, type = '', method = '']) => [whole, { type, method }]),
  )
  expect(pairs.size).toBeGreaterThanOrEqual(15)
  const missing = [...pairs.values()].filter(({ type, method }) => {
    const declaration = new RegExp(
      `(?:class|interface) ${type}\\b[^]*?^ {2}(?:async )?${method}\\(`,
      'm',
    )
    return !files.some((file) => declaration.test(file))
  })
  expect(missing).toEqual([])
})

it('names only files and folders that exist', () => {
  const paths = [...document.matchAll(/\b(?:src|adapters|test)\/[\w./-]+/g)].map(([path]) => path)
  expect(paths.length).toBeGreaterThanOrEqual(12)
  expect(paths.filter((path) => !existsSync(root + path))).toEqual([])
})
