import { describe, expect, it } from 'vitest'
import { CacheflowError } from '../../src/events/errors.ts'
import { ResponseContext, type Version } from '../../src/response/response-context.ts'
import { DependencyTracker } from '../../src/fragments/dependency-tracker.ts'
import type { VersionTag } from '../../src/response/version.ts'
import {
  keyDependency,
  pathDependency,
  routeParamsDependency,
  tagDependency,
  urlDependency,
} from '../../src/invalidation/dependency.ts'
import type { Validators } from '../../src/http/validation.ts'

interface Desk {
  readonly draft: ResponseContext
  readonly tracker: DependencyTracker
  /** Header fields that were set, in lower case. */
  readonly fields: Map<string, string>
  readonly asked: Validators[]
  readonly ended: () => number
}

function noScope(): never {
  throw new Error('nothing is made here')
}

function deskOf({ scope = 'scope', matches = false, strict = true } = {}): Desk {
  const tracker = new DependencyTracker({ startSequence: 0, verifiedAt: 0 })
  const fields = new Map<string, string>()
  const asked: Validators[] = []
  let ended = 0
  const subject = {
    tracker: tracker,
    request: { origin: 'http://shop.example' },
    cache: { settings: { strict } },
    checkVersion: ({ lastModified, tagFor }: VersionTag) => {
      const etag = tagFor(scope)
      asked.push({ etag, lastModified })
      const holder: 'client' | undefined = matches ? 'client' : undefined
      return { etag, lastModified, holder }
    },
  }
  const sink = {
    setHeader: (name: string, value: string) => void fields.set(name.toLowerCase(), value),
    endNotModified: () => void ended++,
  }
  return {
    draft: new ResponseContext(subject, sink, noScope),
    tracker: tracker,
    fields,
    asked,
    ended: () => ended,
  }
}

function errorOf(run: () => unknown): CacheflowError {
  try {
    run()
  } catch (error) {
    if (error instanceof CacheflowError) return error
    throw error
  }
  throw new Error('nothing was thrown')
}

/** The entity tag that freshWhen() gives a version. */
function etagOf(version: Version, scope?: string): string | undefined {
  const { draft, fields } = deskOf(scope === undefined ? {} : { scope })
  draft.freshWhen(version)
  return fields.get('etag')
}

describe('tag()', () => {
  it('notes tags and what they depend on, each once, and can be chained', () => {
    const { draft, tracker } = deskOf()
    expect(draft.tag('posts', 'authors').tag('posts')).toBe(draft)
    expect([...tracker.tags]).toEqual(['posts', 'authors'])
    expect([...tracker.dependencies]).toEqual([tagDependency('posts'), tagDependency('authors')])
  })

  it.each([undefined, null, '', 7, ['posts']])(
    'given %j is an error with its code in development',
    (tag) => {
      const { draft, tracker } = deskOf()
      const error = errorOf(() => draft.tag('fine', tag as string))
      expect(error.code).toBe('ERR_CACHEFLOW_TAG')
      expect(error.message).toContain('tag() was given')
      expect([...tracker.tags]).toEqual(['fine'])
    },
  )

  it.each([undefined, null, '', 7, ['posts']])('given %j keeps it from being stored', (tag) => {
    const { draft, tracker } = deskOf({ strict: false })
    draft.tag(tag as string, 'fine')
    expect([...tracker.tags]).toEqual(['fine'])
    expect(tracker.refusal?.detail).toContain('tag() was given')
  })
})

describe('dependsOn()', () => {
  it('notes dependencies without tags, and can be chained', () => {
    const { draft, tracker } = deskOf()
    const self = draft.dependsOn(
      { tag: 'posts' },
      { key: 'k' },
      { url: '/posts/1' },
      { route: '/posts/:id', params: { id: 1 } },
    )
    expect(self).toBe(draft)
    expect([...tracker.tags]).toEqual([])
    for (const dependency of [
      tagDependency('posts'),
      keyDependency('k'),
      pathDependency('/posts/1'),
      routeParamsDependency('/posts/:id', { id: 1 }),
    ]) {
      expect([...tracker.dependencies]).toContain(dependency)
    }
  })

  it('a path is that of the own host too, which a POST there names', () => {
    const { draft, tracker } = deskOf()
    draft.dependsOn({ url: '/posts/1' })
    expect([...tracker.dependencies]).toContain(urlDependency('http://shop.example', '/posts/1'))
  })

  it.each([
    [{ all: true }, 'ERR_CACHEFLOW_TARGET'],
    [undefined, 'ERR_CACHEFLOW_TARGET'],
    [{}, 'ERR_CACHEFLOW_TARGET'],
    ['posts', 'ERR_CACHEFLOW_TARGET'],
    [[{ tag: 'posts' }], 'ERR_CACHEFLOW_TARGET'],
    [{ tag: '' }, 'ERR_CACHEFLOW_TAG'],
  ])('given %j is an error with its code', (target, code) => {
    const error = errorOf(() => deskOf().draft.dependsOn(target as never))
    expect(error.code).toBe(code)
    expect(error.message).toContain('dependsOn() was given')
  })
})

describe('maxAge()', () => {
  it('of several calls the shortest holds', () => {
    const { draft, tracker } = deskOf()
    expect(tracker.maxAge).toBeUndefined()
    expect(draft.maxAge('5m')).toBe(draft)
    draft.maxAge('10s').maxAge('1h')
    expect(tracker.maxAge).toBe(10_000)
    draft.maxAge(0)
    expect(tracker.maxAge).toBe(0)
  })

  it.each([undefined, null, '5', -1, false, Number.NaN, {}])(
    'given %j is an error with its code',
    (duration) => {
      const error = errorOf(() => deskOf().draft.maxAge(duration as never))
      expect(error.code).toBe('ERR_CACHEFLOW_DURATION')
      expect(error.message).toContain('maxAge() was given')
    },
  )
})

describe('noStore()', () => {
  it('refuses with the reason that was told first', () => {
    const { draft, tracker } = deskOf()
    expect(tracker.refusal).toBeUndefined()
    expect(draft.noStore('a preview')).toBe(draft)
    draft.noStore('another')
    expect(tracker.refusal).toEqual({ reason: 'draft', detail: 'a preview' })
  })
})

describe('freshWhen()', () => {
  const monday = Date.UTC(2026, 2, 2, 10, 0, 0, 123)
  const record = { id: 7, updatedAt: new Date(monday) }

  it('sets a weak ETag and Last-Modified, and asks whether that version is known', () => {
    const { draft, fields, asked, ended } = deskOf()
    expect(draft.freshWhen(record)).toBe(false)
    expect(fields.get('etag')).toMatch(/^W\/"[\w-]+"$/)
    expect(fields.get('last-modified')).toBe('Mon, 02 Mar 2026 10:00:00 GMT')
    expect(asked).toEqual([{ etag: fields.get('etag'), lastModified: monday }])
    expect(ended()).toBe(0)
  })

  it('ends the response and returns true when it is known', () => {
    const { draft, fields, ended } = deskOf({ matches: true })
    expect(draft.freshWhen(record)).toBe(true)
    expect(ended()).toBe(1)
    expect(fields.get('etag')).toBeDefined()
  })

  it('the tag is the same for the same version, however its time is told', () => {
    expect(etagOf({ id: 7, updatedAt: monday })).toBe(etagOf(record))
    expect(etagOf({ id: 7, updatedAt: new Date(monday) })).toBe(etagOf(record))
    expect(etagOf([record])).toBe(etagOf(record))
  })

  it('the tag changes with the time, the id, the number and order of records, and what it belongs to', () => {
    const other = { id: 8, updatedAt: monday }
    const tags = [
      etagOf(record),
      etagOf({ id: 7, updatedAt: monday + 1 }),
      etagOf(other),
      etagOf({ updatedAt: monday }),
      etagOf([record, other]),
      etagOf([other, record]),
      etagOf([]),
      etagOf(record, 'another page'),
      etagOf({ id: 7, updatedAt: '2026-03-02T10:00:00.123456Z' }),
      etagOf({ id: 7, updatedAt: '2026-03-02T10:00:00.123457Z' }),
      etagOf([{ id: '1@5', updatedAt: 6 }]),
      etagOf([
        { id: '1', updatedAt: 5 },
        { id: '', updatedAt: 6 },
      ]),
    ]
    expect(new Set(tags).size).toBe(tags.length)
  })

  it('the time of several records is that of the youngest; of none there is no time', () => {
    const { draft, fields } = deskOf()
    draft.freshWhen([
      { id: 1, updatedAt: monday },
      { id: 2, updatedAt: monday + 3_600_000 },
      { id: 3, updatedAt: 0 },
    ])
    expect(fields.get('last-modified')).toBe('Mon, 02 Mar 2026 11:00:00 GMT')
    const none = deskOf()
    expect(none.draft.freshWhen([])).toBe(false)
    expect(none.fields.has('last-modified')).toBe(false)
    expect(none.fields.get('etag')).toMatch(/^W\//)
  })

  it("takes the application's own entity tag as it is", () => {
    for (const etag of ['"v1"', 'W/"v1"', '""', '"é"']) {
      const { draft, fields, asked } = deskOf()
      draft.freshWhen({ etag })
      expect(fields.get('etag')).toBe(etag)
      expect(asked).toEqual([{ etag, lastModified: undefined }])
    }
    const { draft, fields } = deskOf()
    draft.freshWhen({ etag: '"v1"', updatedAt: monday })
    expect(fields.get('last-modified')).toBe('Mon, 02 Mar 2026 10:00:00 GMT')
  })

  it.each<[string, unknown]>([
    ['undefined, the record that was not found', undefined],
    ['null', null],
    ['a date alone', '2026-03-02'],
    ['a number', monday],
    ['a record without updatedAt', { id: 7 }],
    ['updatedAt: null', { id: 7, updatedAt: null }],
    ['updatedAt: a text that is no date', { updatedAt: 'yesterday' }],
    ['updatedAt: an empty text', { updatedAt: '' }],
    ['updatedAt: an invalid Date', { updatedAt: new Date('x') }],
    ['updatedAt: NaN', { updatedAt: Number.NaN }],
    ['updatedAt: Infinity', { updatedAt: Infinity }],
    ['updatedAt: a time beyond all dates', { updatedAt: 1e300 }],
    ['updatedAt: microseconds, which no Date holds', { updatedAt: monday * 1_000_000 }],
    ['updatedAt: an object', { updatedAt: {} }],
    ['updatedAt: a bigint', { updatedAt: 5n }],
    ['a list with one such record', [record, { id: 8 }]],
    ['a list with null in it', [record, null]],
    ['a list with undefined in it', [undefined]],
    ['a list in a list', [[record]]],
    ['an entity tag without quotes', { etag: 'v1' }],
    ['an entity tag with w/ in lower case', { etag: 'w/"v1"' }],
    ['an entity tag with a quote inside', { etag: '"v"1"' }],
    ['an entity tag with a line break', { etag: '"v\r\nSet-Cookie: a=b"' }],
    ['an entity tag with a space', { etag: '"v 1"' }],
    ['an entity tag beyond latin1', { etag: '"\u20ac"' }],
    ['an entity tag that is null', { etag: null }],
    ['an entity tag that is undefined', { etag: undefined }],
    ['an entity tag that is a number', { etag: 1 }],
    ['an entity tag with a wrong date', { etag: '"v1"', updatedAt: 'x' }],
  ])('given %s is an error with its code, and sets no header', (_name, version) => {
    const { draft, fields, ended } = deskOf({ matches: true })
    const error = errorOf(() => draft.freshWhen(version as Version))
    expect(error.code).toBe('ERR_CACHEFLOW_VERSION')
    expect(error.message).toMatch(/: freshWhen\(\) was given .+\. \S/s)
    expect([fields.size, ended()]).toEqual([0, 0])
  })
})
