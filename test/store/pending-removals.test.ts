import { expect, it } from 'vitest'
import { EntryStore } from '../../src/store/entry-store.ts'
import type { StoredFragment } from '../../src/store/stored-fragment.ts'

/** A store whose slices run when the test says so. */
function store(): { readonly entries: EntryStore; readonly turn: () => boolean } {
  const waiting: (() => void)[] = []
  const entries = new EntryStore({
    maxSize: 100_000_000,
    onEvict: () => undefined,
    later: (run) => void waiting.push(run),
  })
  return { entries, turn: () => (waiting.shift()?.(), waiting.length > 0) }
}

function fragment(
  key: string,
  startSequence: number,
  dependencies: readonly string[],
): StoredFragment {
  return {
    kind: 'fragment',
    key,
    startSequence,
    dependencies,
    text: '',
  } as unknown as StoredFragment
}

const tag = 'tag:news'

function keep(entries: EntryStore, count: number, startSequence = 1): void {
  for (let i = 0; i < count; i++) {
    entries.place(fragment(`fragment:${i}`, startSequence, [tag, `tag:${i}`]), 10)
  }
}

it('what falls in great number counts as fallen at once, and each slice takes out 500 of it', () => {
  const { entries, turn } = store()
  keep(entries, 1_800)
  const { keys, fragments } = entries.condemn(tag, 2)
  expect([keys.size, fragments]).toEqual([1_800, 1_800])
  expect(entries.entries).toBe(1_800)
  expect(entries.fragment('fragment:1799')).toBeUndefined()
  expect(entries.enclosing('tag:1799')).toEqual([])
  const left: number[] = []
  while (turn()) left.push(entries.entries)
  expect(left).toEqual([1_300, 800, 300])
  expect([entries.entries, entries.dependencies]).toEqual([0, 0])
})

it('what is stored anew between the slices stays, and falls with the next invalidation', () => {
  const { entries, turn } = store()
  keep(entries, 1_200)
  entries.condemn(tag, 2)
  turn()
  keep(entries, 1_200, 2)
  while (turn());
  expect(entries.entries).toBe(1_200)
  expect(entries.fragment('fragment:7')?.startSequence).toBe(2)
  expect(entries.enclosing(tag)).toHaveLength(1_200)
  entries.condemn(tag, 3)
  expect(entries.fragment('fragment:7')).toBeUndefined()
  while (turn());
  expect(entries.entries).toBe(0)
})

it('a second invalidation during the clean-up fells what came between, and ends with the last slice', () => {
  const { entries, turn } = store()
  keep(entries, 1_200)
  entries.condemn(tag, 2)
  entries.place(fragment('fragment:new', 2, [tag]), 10)
  expect(entries.isCrowded(tag, 1_000)).toBe(true)
  entries.condemn(tag, 3)
  expect(entries.fragment('fragment:new')).toBeUndefined()
  entries.place(fragment('fragment:newer', 3, [tag]), 10)
  while (turn());
  turn()
  expect(entries.entries).toBe(1)
  expect(entries.isCrowded(tag, 1_000)).toBe(false)
  expect(entries.fragment('fragment:newer')?.startSequence).toBe(3)
})

it('an older invalidation that comes late leaves what was made behind it in the index', () => {
  const { entries, turn } = store()
  keep(entries, 1_200, 5)
  entries.condemn(tag, 3)
  while (turn());
  expect(entries.entries).toBe(1_200)
  expect(entries.enclosing(tag)).toHaveLength(1_200)
})

it('an invalidation behind a purge of everything is cleaned up by its own slices, not by older ones', () => {
  const { entries, turn } = store()
  keep(entries, 1_200)
  entries.condemn(tag, 2)
  turn()
  expect(entries.invalidateAll().size).toBe(700)
  keep(entries, 1_800, 2)
  entries.condemn(tag, 3)
  for (let left = 3; left > 0; left--) {
    turn()
    expect(entries.fragment('fragment:1799')).toBeUndefined()
  }
  while (turn());
  expect([entries.entries, entries.dependencies]).toEqual([0, 0])
})

it('a purge of everything takes nothing of what is stored behind it, and notes its reasons in slices', () => {
  const { entries, turn } = store()
  keep(entries, 2_400)
  expect([entries.invalidateAll().size, entries.entries, entries.dependencies]).toEqual([
    2_400, 0, 0,
  ])
  expect(entries.fragment('fragment:0')).toBeUndefined()
  expect(entries.removalOf('fragment:2399')).toEqual({ reason: 'invalidated', by: 'all' })
  expect(entries.removalOf('fragment:1399')).toBeUndefined()
  keep(entries, 1_200, 2)
  entries.invalidate('fragment:1100', tag)
  expect(turn()).toBe(true)
  expect(entries.removalOf('fragment:1399')).toEqual({ reason: 'invalidated', by: 'all' })
  while (turn());
  expect(entries.removalOf('fragment:1200')).toEqual({ reason: 'invalidated', by: 'all' })
  expect(entries.removalOf('fragment:1100')).toEqual({ reason: 'invalidated', by: tag })
  expect(entries.removalOf('fragment:7')).toBeUndefined()
  expect(entries.entries).toBe(1_199)
})

it('many invalidations at once share the slices of one turn', () => {
  const { entries, turn } = store()
  keep(entries, 1_800)
  for (let i = 0; i < 1_800; i++) entries.condemn(`tag:${i}`, 2)
  expect(entries.enclosing(tag)).toEqual([])
  turn()
  expect(entries.entries).toBeGreaterThanOrEqual(1_300)
  while (turn());
  expect([entries.entries, entries.dependencies]).toEqual([0, 0])
})

it('what is visited in slices may fall and be stored meanwhile, and whatever stays is visited', () => {
  const { entries, turn } = store()
  keep(entries, 1_800)
  const visited = new Set<string>()
  let isDone = false
  const { size, fragments } = entries.visit(
    tag,
    ({ key, startSequence }) => void visited.add(`${startSequence} ${key}`),
    () => (isDone = true),
  )
  expect([size, fragments, visited.size]).toEqual([1_800, 1_800, 0])
  turn()
  expect(visited.size).toBe(500)
  for (let i = 600; i < 700; i++) entries.invalidate(`fragment:${i}`, 'tag:other')
  entries.place(fragment('fragment:1700', 1, [tag]), 10)
  turn()
  entries.condemn(tag, 1)
  while (turn());
  expect(isDone).toBe(true)
  expect(visited.size).toBe(1_700)
  expect(visited.has('1 fragment:1700')).toBe(true)
  expect(entries.enclosing(tag)).toHaveLength(1_700)
})
