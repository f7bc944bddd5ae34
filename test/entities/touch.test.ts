import { describe, expect, it } from 'vitest'
import { CacheflowError, type CacheHandle, createCacheflow } from '../../src/index.ts'
import { type Entity, type EntityRef, entity } from '../../src/entities/entity.ts'
import { Touches } from '../../src/entities/touch.ts'

interface Row {
  readonly id: number
  readonly updatedAt: number
  readonly parentId?: number
}

/** blog > post > comment, and what is written to their tables. */
class Site {
  readonly rows = new Map<string, Row>()
  readonly written: string[] = []
  failing: string | undefined
  readonly cache: CacheHandle
  readonly blog: Entity<Row>
  readonly post: Entity<Row>
  readonly comment: Entity<Row>

  constructor() {
    this.cache = createCacheflow({ clock: () => 5_000 })
    this.blog = entity<Row>('blog', { persist: this.#persist('blog') })
    this.post = entity<Row>('post', {
      touch: (row) => (row.parentId === undefined ? undefined : this.blog.ref(row.parentId)),
      find: (ids) => ids.flatMap((id) => this.rows.get(`post ${id}`) ?? []),
      persist: this.#persist('post'),
      lists: (row) => `blog=${row.parentId}`,
    })
    this.comment = entity<Row>('comment', {
      touch: (row) => (row.parentId === undefined ? null : [this.post.ref(row.parentId)]),
    })
    this.rows.set('post 1', { id: 1, updatedAt: 1, parentId: 9 })
    this.rows.set('post 2', { id: 2, updatedAt: 1, parentId: 8 })
  }

  #persist(name: string) {
    return async (ids: readonly string[], at: Date): Promise<void> => {
      if (this.failing === name) throw new Error('no database')
      this.written.push(`${name} ${ids.join(',')} ${at.getTime()}`)
    }
  }

  /** A fragment for each dependency; which of them are made again tells what fell. */
  async fallen(refs: readonly EntityRef[], change: () => Promise<unknown>): Promise<string[]> {
    const made: string[] = []
    const show = async (): Promise<void> => {
      for (const ref of refs) {
        await this.cache.fragment('x', ref, () => {
          made.push(ref.dependency)
          return ''
        })
      }
    }
    await show()
    made.length = 0
    await change()
    await show()
    return made
  }
}

describe('touch()', () => {
  it('follows the declared chain: the comment, its post, the blog of the post', async () => {
    const site = new Site()
    const { blog, post, comment, cache } = site
    const refs = [
      comment.ref(5),
      comment.ref(6),
      post.ref(1),
      post.ref(2),
      blog.ref(9),
      blog.ref(8),
    ]
    const row = { id: 5, updatedAt: 2, parentId: 1 }
    const fell = await site.fallen(refs, () => cache.touch(comment(row)))
    expect(fell).toEqual(['entity:comment:5', 'entity:post:1', 'entity:blog:9'])
    expect(site.written).toEqual(['blog 9 5000', 'post 1 5000'])
  })

  it('touches the old and the new parent when a record has moved', async () => {
    const site = new Site()
    const { post, comment, cache } = site
    const receipt = await cache.touch(
      comment({ id: 5, updatedAt: 1, parentId: 1 }),
      comment({ id: 5, updatedAt: 2, parentId: 2 }),
    )
    expect(receipt.records.toSorted()).toEqual([
      'entity:blog:8',
      'entity:blog:9',
      'entity:comment:5',
      'entity:post:1',
      'entity:post:2',
    ])
    expect(await site.fallen([post.ref(3)], () => Promise.resolve())).toEqual([])
  })

  it('touches the lists of a row', async () => {
    const site = new Site()
    const { post, cache } = site
    let made = 0
    const show = (scope?: string): Promise<string> =>
      cache.fragment('list', post.list(scope), () => `${++made}`)
    expect([await show(), await show('blog=9'), await show('blog=8')]).toEqual(['1', '2', '3'])
    await cache.touch(post({ id: 7, updatedAt: 1, parentId: 9 }))
    expect([await show(), await show('blog=9'), await show('blog=8')]).toEqual(['4', '5', '3'])
  })

  it('carries all touches of one tick out together, each parent once, ids in order', async () => {
    const site = new Site()
    const { comment, post, cache } = site
    const all = Promise.all([
      ...[11, 2, 10, 1].map((id) => cache.touch(comment({ id, updatedAt: 1, parentId: 2 }))),
      cache.touch(comment({ id: 3, updatedAt: 1, parentId: 1 }), post.ref(11)),
    ])
    const receipts = await all
    expect(site.written).toEqual(['blog 8,9 5000', 'post 1,2,11 5000'])
    expect(new Set(receipts.map(({ invalidation }) => invalidation?.sequence))).toEqual(
      new Set([1]),
    )
  })

  it('ends where records are parents of each other', async () => {
    const cache = createCacheflow()
    const rows = [1, 2, 3].map((id) => ({ id, updatedAt: 1, parentId: (id % 3) + 1 }))
    const node: Entity<Row> = entity<Row>('node', {
      touch: (row) => node.ref(row.parentId ?? 0),
      find: (ids) => rows.filter(({ id }) => ids.includes(String(id))),
    })
    const { records } = await cache.touch(node(rows[0] ?? { id: 0, updatedAt: 0 }))
    expect(records.toSorted()).toEqual(['entity:node:1', 'entity:node:2', 'entity:node:3'])
  })

  it('tells when it cannot go on, for want of the row, and lets go of what it knows', async () => {
    const cache = createCacheflow()
    const top = entity<Row>('top')
    const middle = entity<Row>('middle', { touch: (row) => top.ref(row.parentId ?? 0) })
    let made = 0
    const show = (): Promise<string> => cache.fragment('x', middle.ref(1), () => `${++made}`)
    await show()
    await expect(cache.touch(middle.ref(1))).rejects.toThrow(
      /ERR_CACHEFLOW_TOUCH: touch\(\) was given "middle\.ref\(1\)"\. .*entity\('middle', \{ find \}\)/,
    )
    expect(await show()).toBe('2')
  })

  it('rejects when updatedAt could not be written, and the cache has let go all the same', async () => {
    const site = new Site()
    const { post, blog, comment, cache } = site
    site.failing = 'blog'
    let failure: unknown
    const fell = await site.fallen([post.ref(1), blog.ref(9)], () =>
      cache.touch(comment({ id: 5, updatedAt: 2, parentId: 1 })).catch((error: unknown) => {
        failure = error
      }),
    )
    expect(fell).toEqual(['entity:post:1', 'entity:blog:9'])
    expect(site.written).toEqual(['post 1 5000'])
    expect(failure).toBeInstanceOf(CacheflowError)
    expect(failure).toMatchObject({
      code: 'ERR_CACHEFLOW_PERSIST',
      cause: { message: 'no database' },
    })
  })

  it('refuses what no entity made', async () => {
    const cache = createCacheflow()
    for (const wrong of [null, {}, { kind: 'record', dependency: 'entity:post:1' }, 5]) {
      await expect(cache.touch(wrong as never)).rejects.toThrow('ERR_CACHEFLOW_TOUCH')
    }
  })
})

describe('noTouching()', () => {
  it('keeps a change from the parents, and not from the record itself', async () => {
    const site = new Site()
    const { comment, post, cache } = site
    const row = { id: 5, updatedAt: 2, parentId: 1 }
    const fell = await site.fallen([comment.ref(5), post.ref(1)], () =>
      cache.noTouching(() => cache.touch(comment(row))),
    )
    expect(fell).toEqual(['entity:comment:5'])
    expect(site.written).toEqual([])
  })
})

describe('transaction()', () => {
  it('carries touches out when it has resolved', async () => {
    const site = new Site()
    const { comment, post, cache } = site
    const fell = await site.fallen([post.ref(1)], async () => {
      await cache.transaction(async () => {
        const receipt = await cache.touch(comment({ id: 5, updatedAt: 2, parentId: 1 }))
        expect(receipt).toEqual({ records: ['entity:comment:5'], invalidation: undefined })
        expect(cache.stats().sequence).toBe(0)
      })
      expect(cache.stats().sequence).toBe(1)
    })
    expect(fell).toEqual(['entity:post:1'])
  })

  it('drops them when it throws, also those of an inner one that its outer one outlives', async () => {
    const site = new Site()
    const { comment, cache } = site
    const failed = cache.transaction(async () => {
      await cache.touch(comment({ id: 5, updatedAt: 2, parentId: 1 }))
      throw new Error('rolled back')
    })
    await expect(failed).rejects.toThrow('rolled back')
    expect([cache.stats().sequence, site.written]).toEqual([0, []])
    await cache.transaction(async () => {
      await cache
        .transaction(async () => {
          await cache.touch(comment({ id: 5, updatedAt: 2, parentId: 1 }))
          throw new Error('inner')
        })
        .catch(() => undefined)
      await cache.transaction(() => cache.touch(comment({ id: 6, updatedAt: 2, parentId: 2 })))
    })
    expect(site.written).toEqual(['blog 8 5000', 'post 2 5000'])
  })

  it('invalidates again behind the commit what was invalidated before it', async () => {
    const cache = createCacheflow()
    let value = 'old'
    let committed = 'old'
    const show = (): Promise<string> => cache.fragment('x', { tags: ['x'] }, () => committed)
    await show()
    await cache.transaction(async () => {
      value = 'new'
      await cache.invalidate({ tag: 'x' })
      // Another page reads what is committed so far.
      expect(await show()).toBe('old')
      committed = value
    })
    expect(await show()).toBe('new')
  })
})

describe('an invalidation that is not confirmed', () => {
  it('keeps no touch of its transaction from being carried out, and is told behind it', async () => {
    const invalidated: (readonly string[])[] = []
    const touches = new Touches({
      invalidate: async (dependencies) => {
        invalidated.push(dependencies)
        throw new Error(`not confirmed: ${dependencies.join()}`)
      },
      clock: () => 5_000,
      onTouch: () => undefined,
    })
    const post = entity<Row>('post')
    const ending = touches.transaction(async () => {
      touches.invalidated(['tag:posts'])
      await touches.touch([post.ref(1)])
    })
    await expect(ending).rejects.toThrow('not confirmed: tag:posts')
    expect(invalidated).toEqual([['tag:posts'], ['entity:post:1']])
  })
})

describe('updates()', () => {
  it('touches the parent and the lists that a record has left, where its entity can read it', async () => {
    interface Item {
      readonly id: number
      boxId: number
      readonly updatedAt: number
    }
    const box = entity('box')
    const rows = new Map<number, Item>([[1, { id: 1, boxId: 1, updatedAt: 1 }]])
    const item = entity<Item>('item', {
      touch: (row) => box.ref(row.boxId),
      lists: (row) => `box=${row.boxId}`,
      find: (ids) => ids.flatMap((id) => rows.get(Number(id)) ?? []),
    })
    const cache = createCacheflow()
    for (const n of [1, 2]) {
      await cache.fragment('count', box.ref(n), () => 'one')
      await cache.fragment('items', item.list(`box=${n}`), () => 'one')
    }
    const store = (row: Item): Item => {
      rows.set(row.id, row)
      return row
    }
    const removed: string[] = []
    cache.on('invalidate', ({ keys }) => removed.push(...keys))
    await cache.updates(item, store)({ id: 1, boxId: 2, updatedAt: 2 })
    expect(new Set(removed)).toEqual(
      new Set([
        'fragment:count box:1',
        'fragment:count box:2',
        'fragment:items list:item:box=1',
        'fragment:items list:item:box=2',
      ]),
    )
    removed.length = 0
    const move = cache.updates(item, (id: number, boxId: number) =>
      store({ id, boxId, updatedAt: 3 }),
    )
    for (const n of [1, 2]) await cache.fragment('count', box.ref(n), () => 'one')
    await move(1, 1)
    expect(new Set(removed)).toEqual(new Set(['fragment:count box:1', 'fragment:count box:2']))
  })

  it('touches the row that the function saved, before the caller goes on', async () => {
    const site = new Site()
    const { comment, post, cache } = site
    const save = cache.updates(comment, async (row: Row) => ({ ...row, updatedAt: 2 }))
    const fell = await site.fallen([comment.ref(5), post.ref(1)], async () => {
      expect(await save({ id: 5, updatedAt: 1, parentId: 1 })).toMatchObject({ updatedAt: 2 })
    })
    expect(fell).toEqual(['entity:comment:5', 'entity:post:1'])
  })

  it('touches nothing when the function fails', async () => {
    const { comment, cache } = new Site()
    const save = cache.updates(comment, () => Promise.reject(new Error('invalid')))
    await expect(save()).rejects.toThrow('invalid')
    expect(cache.stats().sequence).toBe(0)
  })

  it('takes further parents, and the row as it was: for a move, and for a deletion', async () => {
    const site = new Site()
    const { blog, comment, post, cache } = site
    const remove = cache.updates(comment, async (_id: number) => undefined, {
      was: (id) => ({ id, updatedAt: 1, parentId: 2 }),
      parent: () => blog.ref(7),
    })
    const refs = [comment.ref(5), post.ref(2), post.ref(1), blog.ref(7)]
    expect(await site.fallen(refs, () => remove(5))).toEqual([
      'entity:comment:5',
      'entity:post:2',
      'entity:blog:7',
    ])
  })

  it('touches each of several rows', async () => {
    const site = new Site()
    const { post, cache } = site
    const save = cache.updates(post, async () => [
      { id: 1, updatedAt: 2 },
      { id: 2, updatedAt: 2 },
    ])
    expect(await site.fallen([post.ref(1), post.ref(2), post.ref(3)], save)).toEqual([
      'entity:post:1',
      'entity:post:2',
    ])
  })

  it('wraps a method as touches() does, with its own this', async () => {
    const site = new Site()
    const { comment, cache } = site
    class Comments {
      readonly parentId = 1
      save: (id: number) => Promise<Row> = cache.touches(comment)(async function (
        this: Comments,
        id: number,
      ): Promise<Row> {
        return { id, updatedAt: 2, parentId: this.parentId }
      })
    }
    const comments = new Comments()
    const fell = await site.fallen([site.post.ref(1)], () => comments.save(5))
    expect(fell).toEqual(['entity:post:1'])
  })
})
