import { Redis } from 'ioredis'
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { createCacheflow, entity } from 'cacheflow'
import { type Host, expressHost, koaHost, open } from '../support/host.ts'
import { latch } from '../support/latch.ts'
import { RedisServer } from '../support/redis-server.ts'
import { TcpProxy } from '../support/tcp-proxy.ts'
import { until } from '../support/until.ts'

const post = entity<{ readonly id: number }>('posts')

const hosts: readonly Host[] = [
  expressHost(4, 'first'),
  expressHost(5, 'first'),
  koaHost(2, 'first'),
  koaHost(3, 'first'),
  koaHost(2, 'behind'),
  koaHost(3, 'behind'),
]

let server: RedisServer
beforeEach(async () => {
  server = await RedisServer.start()
  onTestFinished(() => server[Symbol.asyncDispose]())
})

const openAt = ({ commands, subscribers }: TcpProxy): number =>
  commands.connections.length + subscribers.connections.length

const clientOf = (port: number): Redis => new Redis({ port, host: '127.0.0.1', lazyConnect: true })

/** Another instance, which holds a fragment of the post. */
async function other(): Promise<{
  readonly cache: ReturnType<typeof createCacheflow>
  show(): Promise<string>
}> {
  const cache = createCacheflow({ redis: clientOf(server.port) })
  onTestFinished(() => cache.close())
  await until('it is connected', () => cache.status()?.connected === true)
  let version = 0
  const show = (): Promise<string> =>
    cache.fragment('post', { maxAge: '1h', dependsOn: post.ref(1) }, () => `post ${++version}`)
  expect(await show()).toBe('post 1')
  expect(await show()).toBe('post 1')
  return { cache, show }
}

describe.each(hosts)('closing while a request saves a row: $name', (host) => {
  it.each([false, true])(
    'ends in the page and not in an error, with Redis: %s',
    async (isShared) => {
      const instance = isShared ? await other() : undefined
      const [saved, isClosed] = [latch(), latch()]
      const options = isShared ? { redis: { client: clientOf(server.port) } } : {}
      const save = async (): Promise<void> => {
        saved.open()
        await isClosed.opened
        await site.cache.touch(post.ref(1))
        await site.cache.invalidate({ tag: 'posts' })
        await site.cache.put('top', () => 'top')
      }
      const site = await open(host, {
        options,
        ...(host.framework === 'Koa'
          ? {
              koa: async (ctx) => {
                await save()
                ctx.body = 'saved'
              },
            }
          : {
              handler: async (_request, response) => {
                await save()
                response.end('saved')
              },
            }),
      })
      const before = instance?.cache.status()?.applied ?? 0
      const answer = site.send({ method: 'POST', path: '/posts' })
      await saved.opened
      await site.cache.close()
      isClosed.open()
      expect(await answer).toMatchObject({ status: 200, text: 'saved' })
      expect(site.cache.stats().entries).toBe(0)
      if (!instance) return
      await until(
        'the other instance has heard',
        () => (instance.cache.status()?.applied ?? 0) >= before + 3,
      )
      expect(await instance.show()).toBe('post 2')
    },
  )
})

describe('closing', () => {
  async function behindProxy(): Promise<{
    readonly proxy: TcpProxy
    readonly cache: ReturnType<typeof createCacheflow>
  }> {
    const proxy = await TcpProxy.start(server.port)
    onTestFinished(() => proxy.stop())
    const cache = createCacheflow({ redis: { client: clientOf(proxy.port), commandTimeout: '2s' } })
    onTestFinished(() => cache.close())
    await until('it is connected', () => cache.status()?.connected === true)
    // From now on the server knows the script.
    await cache.invalidate({ tag: 'unrelated' })
    return { proxy, cache }
  }

  it('waits for the invalidations under way, and keeps the connection for them', async () => {
    const { proxy, cache } = await behindProxy()
    const instance = await other()
    const before = (await cache.invalidate({ tag: 'unrelated' })).sequence
    await until('it is known', () => instance.cache.status()?.applied === before)
    proxy.commands.block('toClient')
    const under = cache.touch(post.ref(1))
    // Touches of one tick are carried out together.
    await until('it is on its way', () => (instance.cache.status()?.applied ?? 0) > before)
    let isClosed = false
    const closed = cache.close().then(() => (isClosed = true))
    await proxy.commands.holds('toClient')
    expect(isClosed).toBe(false)
    proxy.unblock()
    await Promise.all([under, closed])
    expect(await instance.show()).toBe('post 2')
  })

  it('leaves no connection behind, also behind later invalidations', async () => {
    const { proxy, cache } = await behindProxy()
    await cache.close()
    await Promise.all([cache.invalidate({ tag: 'a' }), cache.invalidate({ tag: 'b' })])
    expect(await cache.invalidate({ tag: 'c' })).toMatchObject({ instances: 0 })
    await until('all connections have ended', () => openAt(proxy) === 0)
  })

  it('lets later invalidations say that Redis does not confirm them', async () => {
    const { proxy, cache } = await behindProxy()
    await cache.close()
    proxy.refuse()
    await expect(cache.invalidate({ tag: 'a' })).rejects.toMatchObject({
      code: 'ERR_CACHEFLOW_UNCONFIRMED',
    })
    proxy.accept()
    expect(await cache.invalidate({ tag: 'a' })).toMatchObject({ instances: 0 })
    await until('all connections have ended', () => openAt(proxy) === 0)
  })
})
