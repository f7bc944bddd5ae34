import { expect, it } from 'vitest'
import { application } from '../support/application.ts'

it('a refresh tells whether the response was stale by its age or by a soft invalidation', async () => {
  const app = await application(({ draft }) => (draft.tag('posts'), {}), {
    maxAge: '1m',
    staleWhileRevalidate: '1h',
  })
  await app.get('/')
  app.advance(90)
  await app.get('/')
  await app.happened('refresh', 1)
  await app.cache.invalidate({ tag: 'posts' }, { soft: true })
  await app.get('/')
  await app.happened('refresh', 2)
  expect(app.seen('refresh').map(({ reason, outcome }) => [reason, outcome])).toEqual([
    ['stale-while-revalidate', 'stored'],
    ['soft', 'stored'],
  ])
})

it('a soft invalidation of all makes each refresh a soft one', async () => {
  const app = await application(() => ({}), { maxAge: '1m' })
  await app.get('/')
  await app.cache.invalidate({ all: true }, { soft: true })
  expect((await app.get('/')).body).toBe('made 1')
  await app.happened('refresh')
  expect(app.seen('refresh')).toEqual([
    { name: 'refresh', key: `${app.origin}/`, reason: 'soft', outcome: 'stored' },
  ])
})
