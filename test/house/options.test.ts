import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { root } from './imports.ts'
import { blocks, programs } from './readme/blocks.ts'
import { run, typeErrors, write } from './readme/program.ts'

// docs/options.md is held to the source: the same options, types and defaults; its examples compile and run.
const document = readFileSync(`${root}docs/options.md`, 'utf8')
const source = ['src/options/cache-options.ts', 'src/options/route-options.ts']
  .map((path) => readFileSync(root + path, 'utf8'))
  .join('\n')
const forRoutes = optionsOf('RouteOptions')
const forAll = optionsOf('CacheflowOptions')
const [, routes = '', all = ''] = document.split(/^## /m)

interface Option {
  readonly name: string
  readonly type: string
  /** As its doc comment says, for those that have one in a word. */
  readonly byDefault: string | undefined
}

describe('docs/options.md', () => {
  it('explains every option of a route, in the order of the source, and no other', () => {
    expect(forRoutes.length).toBeGreaterThanOrEqual(9)
    expect(sectionsOf(routes).map(({ name }) => name)).toEqual(forRoutes.map(({ name }) => name))
  })

  it('explains every other option, in the order of the source, and no other', () => {
    expect(forAll.length).toBeGreaterThanOrEqual(17)
    expect(sectionsOf(all).map(({ name }) => name)).toEqual(forAll.map(({ name }) => name))
  })

  for (const { name, text } of [...sectionsOf(routes), ...sectionsOf(all)]) {
    const option = [...forRoutes, ...forAll].find((each) => each.name === name)
    it(`tells the type and the default of ${name}`, () => {
      const [, type, byDefault] = /^`([^`]+)`, default ([^]*?)\.$/m.exec(text) ?? []
      expect(type).toBe(option?.type)
      expect(byDefault).not.toBeUndefined()
      const inAWord = option?.byDefault
      if (inAWord !== undefined) expect(byDefault?.replaceAll('`', '')).toBe(inAWord)
    })

    it(`tells what false means for ${name}, where it may be given`, () => {
      const prose = text.split('\n').slice(3).join('\n')
      if (option?.type.includes('false') === true) expect(prose).toContain('`false`')
    })

    it(`shows ${name} in an example`, () => {
      const examples = blocks(text).filter(({ language }) => language === 'ts')
      const word = name.split('.').at(-1) ?? name
      expect(examples.some(({ text: code }) => code.includes(`${word}:`))).toBe(true)
    })
  }

  it('tells every setting of redis with its default, in the order of the source', () => {
    const file = readFileSync(`${root}src/options/redis-options.ts`, 'utf8')
    const [, body = ''] = /^export interface RedisOptions \{\n([^]*?)^\}/m.exec(file) ?? []
    const settings = Array.from(
      body.matchAll(/Default (`[^`]+`|[\d,]+)\.\s*\*\/\s*readonly (\w+)\?:/g),
      ([, byDefault, name]) => `${name}: ${byDefault}`,
    )
    const section = sectionsOf(all).find(({ name }) => name === 'redis')?.text ?? ''
    const bullets = section.matchAll(/^- `(\w+)`[^:]*, default (`[^`]+`|[\d,]+):/gm)
    expect(settings.length).toBe(body.match(/\?:/g)?.length)
    expect(Array.from(bullets, ([, name, byDefault]) => `${name}: ${byDefault}`)).toEqual(settings)
  })

  const folder = `${root}test/house/.readme-options`
  const [example, ...more] = write(folder, programs(document))

  it('shows examples that compile and run', { timeout: 60_000 }, async () => {
    expect(more).toEqual([])
    expect(typeErrors(folder)).toEqual([])
    expect(example && (await run(example))).toEqual([])
  })
})

/** The options of an interface; those of a group by their full names: `memory.maxSize`. */
function optionsOf(name: string): Option[] {
  const body = new RegExp(`^export interface ${name}<[^{]*\\{\\n([^]*?)^\\}`, 'm').exec(source)?.[1]
  const found: Option[] = []
  let group = ''
  const pattern = /(?:\/\*\*((?:(?!\*\/)[^])*)\*\/\s*)?readonly (\w+)\?: ([^\n]+)|^ {2}\}$/gm
  for (const [whole, comment = '', option = '', type = ''] of (body ?? '').matchAll(pattern)) {
    if (type === '{') group = `${option}.`
    else if (whole.trim() === '}') group = ''
    else found.push({ name: group + option, type, byDefault: defaultIn(comment) })
  }
  return found
}

/** `Default none.`, `` Default `'1m'`; `` and `default 100.` say it in a word; a longer explanation is not compared. */
function defaultIn(comment: string): string | undefined {
  return /[Dd]efault (`[^`]+`|none|\d+)(?=[.;:]| turns)/.exec(comment)?.[1]?.replaceAll('`', '')
}

function sectionsOf(part: string): { readonly name: string; readonly text: string }[] {
  return part
    .split(/^### /m)
    .slice(1)
    .map((text) => ({ name: /^`([\w.]+)`/.exec(text)?.[1] ?? text, text }))
}
