import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  decodeDependencies,
  decodeDependency,
  encodeDependencies,
  encodeDependency,
} from '../../src/codec/dependency-text.ts'

const name = fc.oneof(
  fc.string({ unit: fc.nat(0xffff).map((code) => String.fromCharCode(code)), minLength: 1 }),
  fc.string({ unit: fc.constantFrom('\n', '\\', 'u', '0', 'a', '\ud83d', '\udc4b'), minLength: 1 }),
  fc.constantFrom('tag:posts', 'group:https://shop.example "a\\"b"', 'key:https://shop.example/'),
)

describe('a closure as text', () => {
  it('has one name a line, and a line feed at both ends', () => {
    expect(encodeDependencies(['tag:posts', 'entity:post:7'])).toBe('\ntag:posts\nentity:post:7\n')
    expect(encodeDependencies([])).toBe('\n')
  })

  it('gives back the names as they were', () => {
    fc.assert(
      fc.property(fc.array(name), (dependencies) => {
        expect(decodeDependencies(encodeDependencies(dependencies))).toEqual(dependencies)
      }),
      { numRuns: 1_000 },
    )
  })

  it('has a name between line feeds exactly if it is one of its own', () => {
    fc.assert(
      fc.property(fc.array(name, { maxLength: 5 }), name, (dependencies, other) => {
        const text = encodeDependencies(dependencies)
        expect(text.includes(`\n${encodeDependency(other)}\n`)).toBe(dependencies.includes(other))
        for (const each of dependencies) expect(text).toContain(`\n${encodeDependency(each)}\n`)
      }),
      { numRuns: 1_000 },
    )
  })

  it('survives UTF-8, in which Redis has it', () => {
    fc.assert(
      fc.property(fc.array(name), (dependencies) => {
        const text = encodeDependencies(dependencies)
        expect(Buffer.from(text).toString()).toBe(text)
      }),
      { numRuns: 1_000 },
    )
  })

  it('is none when it was cut off, or is not written as names are', () => {
    for (const text of [
      '',
      '\n\n',
      'tag:a',
      '\ntag:a',
      'tag:a\n',
      '\ntag:a\n\ntag:b\n',
      '\ntag:\r\n',
      '\ntag:\\\n',
      '\ntag:\\x\n',
      '\ntag:\\u0041\n',
      '\ntag:\\u000A\n',
      '\ntag:\\u000\n',
      '\ntag:\ud800\n',
    ]) {
      expect(decodeDependencies(text), JSON.stringify(text)).toBeUndefined()
    }
  })
})

describe('the name of a dependency in Redis', () => {
  it('is its own, but for control characters, lone surrogates and the backslash', () => {
    for (const plain of [
      'tag:caf\u00e9 \u{1F44B}',
      'path:/posts/1?x=%0A',
      'group:https://a.example "b"',
    ]) {
      expect(encodeDependency(plain)).toBe(plain)
    }
    expect(encodeDependency('tag:a\nb')).toBe('tag:a\\u000ab')
    expect(encodeDependency('tag:\\')).toBe('tag:\\\\')
    expect(encodeDependency('tag:\ud800')).toBe('tag:\\ud800')
    expect(decodeDependency('tag:\\ud800')).toBe('tag:\ud800')
  })

  it('is never that of another', () => {
    fc.assert(
      fc.property(name, name, (a, b) => {
        expect(encodeDependency(a) === encodeDependency(b)).toBe(a === b)
        expect(decodeDependency(encodeDependency(a))).toBe(a)
      }),
      { numRuns: 1_000 },
    )
  })
})
