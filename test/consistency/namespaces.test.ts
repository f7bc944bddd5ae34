import { afterAll, beforeAll, expect, it } from 'vitest'
import { RedisServer } from '../support/redis-server.ts'
import { Database } from './database.ts'
import { Instance } from './instance.ts'
import { Shelf } from './shelf.ts'

let server: RedisServer
beforeAll(async () => {
  server = await RedisServer.start()
})
afterAll(() => server.stop())

it('applications with namespaces of their own share a server, and nothing else', async () => {
  const [database, otherDatabase] = [new Database(), new Database()]
  const shop = await Instance.start(server, database, { namespace: 'shop' })
  const blog = await Instance.start(server, otherDatabase, { namespace: 'blog' })
  otherDatabase.write('card')
  expect(await shop.show('card')).toBe('card 1')
  await new Shelf(server, 'shop').has('card')
  expect(await blog.show('card')).toBe('card 2')
  await new Shelf(server, 'blog').has('card')
  expect(await shop.show('card')).toBe('card 1')

  const before = blog.status
  await shop.change('card')
  await shop.cache.invalidate({ all: true })
  expect(await shop.show('card')).toBe('card 2')
  expect(await blog.show('card')).toBe('card 2')
  expect([database.reads('card'), otherDatabase.reads('card')]).toEqual([2, 1])
  expect(blog.status).toMatchObject({ applied: before.applied, epoch: before.epoch })
  expect(await new Shelf(server, 'blog').holds('card')).toBe(true)
  const keys = (await server.command('KEYS', '*')) as string[]
  expect(keys.filter((key) => !/^\{(shop|blog)\}:rd:/.test(key))).toEqual([])
})
