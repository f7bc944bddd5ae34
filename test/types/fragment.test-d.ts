import { expectTypeOf, test } from 'vitest'
import {
  type Entity,
  type EntityRecord,
  cacheFragment,
  cacheFragments,
  createCacheflow,
  entity,
} from '../../src/index.ts'

interface Post {
  readonly id: number
  readonly authorId: number
  readonly updatedAt: Date
}
const post = entity<Post>('post')
const row: Post = { id: 1, authorId: 2, updatedAt: new Date(0) }

test('an entity takes its own rows only', () => {
  expectTypeOf(post).toEqualTypeOf<Entity<Post>>()
  expectTypeOf(post(row)).toEqualTypeOf<EntityRecord<Post>>()
  // @ts-expect-error -- a row is wanted
  post({ id: 1 })
  // @ts-expect-error -- no such property
  entity<Post>('post', { id: 'uuid' })
  entity<Post>('post', {
    updatedAt: 'updatedAt',
    lists: (each) => `author=${each.authorId}`,
    // @ts-expect-error -- a parent is a record: author.ref(each.authorId)
    touch: (each) => each.authorId,
  })
})

test('a body returns text, or with json: true a value', () => {
  expectTypeOf(cacheFragment('a', () => '')).toEqualTypeOf<Promise<string>>()
  void cacheFragment('a', post(row), { maxAge: '1h' }, async () => '')
  void cacheFragment('a', { json: true }, () => ({ a: 1 }))
  // @ts-expect-error -- a value is no text
  void cacheFragment('a', { maxAge: '1h' }, () => ({ a: 1 }))
  // @ts-expect-error -- no such option
  void cacheFragment('a', { maxage: '1h' }, () => '')
  // @ts-expect-error -- a row is none until its entity has made a record of it
  void cacheFragment('a', [row], () => '')
  void cacheFragment('a', (fragment) => {
    fragment.tag('a').dependsOn(post.list('author=1')).maxAge('1m')
    return ''
  })
})

test('each of several fragments gets its row', () => {
  void cacheFragments('a', [row].map(post), (each) => {
    expectTypeOf(each).toEqualTypeOf<Post>()
    return ''
  })
  void cacheFragments('a', post.all([row]), { maxAge: '1h' }, (each) => String(each.authorId))
})

test('updates() keeps the types of the function that it wraps', () => {
  const cache = createCacheflow()
  const save = cache.updates(post, async (id: number, title: string) => ({ ...row, id, title }), {
    was: (id) => {
      expectTypeOf(id).toEqualTypeOf<number>()
      return row
    },
  })
  expectTypeOf(save).parameters.toEqualTypeOf<[id: number, title: string]>()
  expectTypeOf(save).returns.resolves.toExtend<Post>()
})

test('touches() decorates methods that save', () => {
  const cache = createCacheflow()
  class Posts {
    @cache.touches(post)
    async save(id: number): Promise<Post> {
      return { ...row, id }
    }
  }
  expectTypeOf(new Posts().save).parameters.toEqualTypeOf<[id: number]>()
})
