import { describe, expect, it } from 'vitest'
import { CacheflowError } from '../../src/events/errors.ts'
import { entity } from '../../src/entities/entity.ts'
import { timestampOf } from '../../src/values/timestamp.ts'

interface Post {
  readonly id: number | string | bigint
  readonly updatedAt: Date | number | string
}

const post = entity<Post>('post')
const monday = Date.UTC(2026, 2, 2, 10)

function codeOf(run: () => unknown): string {
  try {
    run()
  } catch (error) {
    if (error instanceof CacheflowError) return `${error.code} ${error.message}`
    throw error
  }
  return 'nothing thrown'
}

describe('entity()', () => {
  it('gives a row its name and its version', () => {
    expect(post({ id: 7, updatedAt: monday })).toMatchObject({
      kind: 'record',
      dependency: 'entity:post:7',
      version: String(monday),
    })
  })

  it('takes 7, 7n and "7" for the same record', () => {
    const names = [7, 7n, '7'].map((id) => post.ref(id).dependency)
    expect(new Set(names).size).toBe(1)
  })

  it('keeps the digits of a string that no Date holds', () => {
    const versions = [
      '2026-03-02T10:00:00.123Z',
      '2026-03-02T10:00:00.123456Z',
      '2026-03-02T10:00:00.123457Z',
      '2026-03-02 10:00:00.123457+00:00',
    ].map((updatedAt) => post({ id: 1, updatedAt }).version)
    expect(versions).toEqual([
      `${monday + 123}`,
      `${monday + 123}.456`,
      `${monday + 123}.457`,
      `${monday + 123}.457`,
    ])
  })

  it('gives equal moments one version, in whichever form they come', () => {
    const same = [
      new Date(monday),
      monday,
      '2026-03-02T10:00:00Z',
      '2026-03-02T11:00:00.000000+01:00',
    ]
    expect(new Set(same.map((updatedAt) => timestampOf(updatedAt)?.text)).size).toBe(1)
  })

  it('reads id and updatedAt from wherever the row has them', () => {
    interface Row {
      readonly uuid: string
      readonly meta: { readonly changed: number }
    }
    const page = entity<Row>('page', { id: 'uuid', updatedAt: (row) => row.meta.changed })
    const { dependency, version } = page({ uuid: 'a b', meta: { changed: 5 } })
    expect([dependency, version]).toEqual(['entity:page:a%20b', '5'])
  })

  it('names records so that none can pass for another, whatever their ids contain', () => {
    const ids = ['a b', 'a%20b', 'a', ' ', 'ü', 'a:b', '1,2', '__proto__', '\ud800']
    const names = ids.map((id) => post.ref(id).dependency)
    expect(new Set(names).size).toBe(ids.length)
    for (const name of names) expect(name).toMatch(/^[!-~]+$/)
    expect(post.list('1').dependency).not.toBe(post.ref('1').dependency)
  })

  it('gives a collection another version when a record changes, comes, goes or moves', () => {
    const rows: Post[] = [
      { id: 1, updatedAt: 5 },
      { id: 2, updatedAt: 9 },
    ]
    const versions = [
      rows,
      [{ id: 1, updatedAt: 6 }, rows[1] ?? rows],
      rows.slice(1),
      [...rows].toReversed(),
      // The newest and the number are the same: 3 has come for 1.
      [{ id: 3, updatedAt: 5 }, rows[1] ?? rows],
      [],
    ].map((each) => post.all(each as Post[]).version)
    expect(new Set(versions).size).toBe(versions.length)
    expect(post.all(rows).version).toBe(post.all([...rows]).version)
  })

  it('gives a list a version by the number and the newest of its records', () => {
    const { list } = post
    expect(list('author=1').version).toBeUndefined()
    expect(list('author=1', { count: 2, updatedAt: 9 }).version).toBe('2-9')
    expect(list('author=1', { count: 0n, updatedAt: null }).version).toBe('0')
  })

  it.each([
    ['a missing id', { updatedAt: 1 }, 'the id of post() was given undefined'],
    ['an empty id', { id: '', updatedAt: 1 }, 'the id of post() was given ""'],
    ['an id that is no number', { id: Number.NaN, updatedAt: 1 }, 'the id of post() was given NaN'],
    ['an object as id', { id: {}, updatedAt: 1 }, 'the id of post() was given an object'],
    ['a missing updatedAt', { id: 1 }, 'the updatedAt of post 1 was given undefined'],
    ['null as updatedAt', { id: 1, updatedAt: null }, 'the updatedAt of post 1 was given null'],
    ['NaN', { id: 1, updatedAt: Number.NaN }, 'the updatedAt of post 1 was given NaN'],
    ['an invalid Date', { id: 1, updatedAt: new Date('x') }, 'the updatedAt of post 1 was given'],
    [
      'text that is no date',
      { id: 1, updatedAt: 'soon' },
      'the updatedAt of post 1 was given "soon"',
    ],
    ['no row at all', null, 'post() was given null'],
  ])('tells of %s', (_, row, message) => {
    expect(codeOf(() => post(row as never))).toContain(`ERR_CACHEFLOW_ENTITY: ${message}`)
  })

  it('tells of wrong names, options, lists and scopes', () => {
    const wrong: readonly (readonly [() => unknown, string])[] = [
      [() => entity('a b'), 'ERR_CACHEFLOW_ENTITY'],
      [() => entity(''), 'ERR_CACHEFLOW_ENTITY'],
      [() => entity(5 as never), 'ERR_CACHEFLOW_ENTITY'],
      [() => entity('post', { updateAt: 'x' } as never), 'ERR_CACHEFLOW_UNKNOWN_OPTION'],
      [() => post.ref(undefined as never), 'ERR_CACHEFLOW_ENTITY'],
      [() => post.list(5 as never), 'ERR_CACHEFLOW_ENTITY'],
      [() => post.list('a', { count: -1, updatedAt: null }), 'ERR_CACHEFLOW_ENTITY'],
      [() => post.list('a', { count: 1, updatedAt: 'x' }), 'ERR_CACHEFLOW_ENTITY'],
      [() => post.all({} as never), 'ERR_CACHEFLOW_ENTITY'],
    ]
    for (const [run, code] of wrong) expect(codeOf(run)).toContain(code)
  })
})
