import { describe, expect, it, onTestFinished } from 'vitest'
import type { Application } from '../support/application.ts'
import type { RedisServer } from '../support/redis-server.ts'
import { TcpProxy } from '../support/tcp-proxy.ts'
import { until } from '../support/until.ts'
import { onGround } from './ground.ts'
import { bodies, site, visit } from './site.ts'

let server: RedisServer
onGround((ground) => {
  ;({ server } = ground)
})

const maxStaleness = 300

interface Kitchen {
  text: string
  runs: number
  arrived: number
  open: () => void
  held: Promise<void> | undefined
}

/** An instance in which barriers are used, and that hears nothing any more of Redis. */
async function cutOff(kitchen: Kitchen): Promise<Application> {
  const proxy = await TcpProxy.start(server.port)
  onTestFinished(() => proxy.stop())
  const app = await site(
    proxy.port,
    (express, cache) => {
      express.use(cache)
      express.get('/p', async (_request, response) => {
        kitchen.runs++
        const { text } = kitchen
        await kitchen.held
        response.send(text)
      })
    },
    { maxAge: '1h', maxStaleness },
  )
  app.server.on('request', () => void kitchen.arrived++)
  await app.cache.invalidate({ tag: 'unrelated' }, { wait: 'all' })
  proxy.block()
  proxy.cut()
  await until('nothing is heard', () => (app.cache.status()?.lastHeartbeat ?? 0) > 2 * maxStaleness)
  return app
}

describe('an instance that hears nothing of Redis, where barriers are used', () => {
  it('makes a page once for all who came while it was made, and not from before they came', async () => {
    const kitchen: Kitchen = {
      text: 'old',
      runs: 0,
      arrived: 0,
      open: () => undefined,
      held: undefined,
    }
    const app = await cutOff(kitchen)
    kitchen.held = new Promise((resolve) => {
      kitchen.open = resolve
    })
    const first = visit(app, '/p')
    await until('it is made', () => kitchen.runs === 1)
    const others = Promise.all(Array.from({ length: 8 }, () => visit(app, '/p')))
    await until('all have come', () => kitchen.arrived === 9)
    expect(kitchen.runs).toBe(1)
    kitchen.text = 'new'
    kitchen.open()
    expect((await first).body).toBe('old')
    expect(bodies(await others)).toEqual(['new'])
    expect(kitchen.runs).toBe(2)
    kitchen.text = 'newest'
    expect((await visit(app, '/p')).body).toBe('newest')
  })
})
