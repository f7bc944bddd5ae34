import { expect, it } from 'vitest'
import { readSource, sourceFiles } from './imports.ts'
import { breaches } from './layers.ts'

const files = sourceFiles('src', 'adapters')

it('imports go down only, without cycles, and no framework is known below its adapter', () => {
  expect(breaches(files)).toEqual([])
})

it('the walk over the source sees all of it', () => {
  expect(files.length).toBeGreaterThanOrEqual(60)
  expect(files.filter((file) => file.unread !== 0)).toEqual([])
  expect(files.flatMap((file) => file.imports).length).toBeGreaterThanOrEqual(200)
})

it('every import statement is read, one over several lines too', () => {
  const { imports, unread } = readSource(
    'src/http/age.ts',
    [
      "import 'node:process'",
      "import { a } from './a.ts'",
      "import type {\n  B,\n  C,\n} from './b.ts'",
      "import * as c from './c.ts'",
      "export * from './d.ts'",
      "export { type E, e } from './e.ts'",
      "export type { F } from './f.ts'",
      "// import { no } from './no.ts'",
      "/** import { no } from './no.ts' */",
      "export const names = ['from', './no.ts']",
      "const late = (): Promise<unknown> => import('./g.ts')",
      "let type: import('./h.ts').H",
    ].join('\n'),
  )
  expect(imports).toEqual([
    './a.ts',
    './b.ts',
    './c.ts',
    'node:process',
    './d.ts',
    './e.ts',
    './f.ts',
    './g.ts',
    './h.ts',
  ])
  expect(unread).toBe(0)
})

it('an import that the pattern does not understand is noticed', () => {
  expect(readSource('src/a.ts', "import defer * as b from './b.ts'\n").unread).toBe(0)
  expect(readSource('src/a.ts', "export defer * from './b.ts'\n").unread).toBe(1)
})

it.each([
  ['src/http/age.ts', '../response/lookup.ts', /stands above it/],
  ['src/events/errors.ts', '../http/age.ts', /stands above it/],
  ['src/index.ts', '../adapters/koa/index.ts', /stands above it/],
  ['src/response/lookup.ts', 'express', /the package express/],
  ['adapters/koa/index.ts', 'express', /the package express/],
  ['adapters/koa/index.ts', '../express/index.ts', /adapters see/],
  ['adapters/koa/index.ts', '../../src/response/lookup.ts', /adapters see/],
  ['adapters/koa/index.ts', '../../test/support/x.ts', /in no layer/],
  ['src/helpers.ts', 'node:http', /in no layer/],
])('%s may not import %s', (path, specifier, reason) => {
  expect(breaches([readSource(path, `import type { X } from '${specifier}'\n`)])).toEqual([
    expect.stringMatching(reason),
  ])
})

it.each([
  ['src/response/lookup.ts', '../http/age.ts'],
  ['src/response/lookup.ts', './exchange.ts'],
  ['src/store/memory-store.ts', 'lru-cache'],
  ['adapters/koa/index.ts', 'koa'],
  ['adapters/koa/index.ts', '../../src/adapter.ts'],
  ['adapters/koa/index.ts', './context.ts'],
])('%s may import %s', (path, specifier) => {
  expect(breaches([readSource(path, `import type { X } from '${specifier}'\n`)])).toEqual([])
})

it('a cycle of types is a cycle', () => {
  const ring = [
    readSource('src/http/b.ts', "import type { C } from './c.ts'\n"),
    readSource('src/http/c.ts', "import type { A } from './a.ts'\n"),
    readSource('src/http/a.ts', "import { b } from './b.ts'\n"),
  ]
  expect(breaches(ring)).toEqual([
    'a cycle: src/http/a.ts -> src/http/b.ts -> src/http/c.ts -> src/http/a.ts',
  ])
})

it('a file of more than 300 lines is a breach', () => {
  expect(breaches([readSource('src/index.ts', '\n'.repeat(301))])).toEqual([
    'src/index.ts has 301 lines, more than 300',
  ])
})
