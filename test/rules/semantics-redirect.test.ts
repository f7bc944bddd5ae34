import { type Socket, connect } from 'node:net'
import { once } from 'node:events'
import { describe, expect, it } from 'vitest'
import { expressApplication } from '../support/application.ts'
import { latch } from '../support/latch.ts'
import { expressStages, koaStages, pageStages } from '../support/stages.ts'

describe.each(pageStages)('$name', ({ open }) => {
  it('M-39: a page that a POST returns to stays cached', async () => {
    const app = await open({
      page: ({ method }) =>
        method === 'POST' ? { status: 303, fields: { Location: '/' } } : { body: 'shop' },
    })
    for (let i = 0; i < 5; i++) {
      await app.get('/')
      await app.ask('/cart', { method: 'POST' })
    }
    expect(app.runs).toBe(6)
    // Its own target it invalidates as ever.
    await app.ask('/', { method: 'POST' })
    await app.get('/')
    expect(app.runs).toBe(8)
  })

  it('M-39: invalidateRedirect invalidates that page, too', async () => {
    const app = await open({
      page: ({ method }) =>
        method === 'POST' ? { status: 303, fields: { Location: '/' } } : { body: 'shop' },
      options: { invalidateRedirect: true },
    })
    await app.get('/')
    await app.ask('/cart', { method: 'POST' })
    await app.get('/')
    expect(app.runs).toBe(3)
  })
})

it('M-39: route(false) leaves pages alone that its answer names', async () => {
  const app = await expressApplication((express, cache, self) => {
    express.use(cache)
    express.get('/', (_request, response) => void response.send(`page ${++self.runs}`))
    express.post('/login', cache.route(false), (_request, response) => {
      response.status(201).location('/').send('welcome')
    })
  })
  await app.get('/')
  await app.ask('/login', { method: 'POST' })
  expect((await app.get('/')).body).toBe('page 1')
})

describe.each([...expressStages, ...koaStages])('$name', (stage) => {
  it('M-38: a POST whose client has left invalidates what it has changed', async () => {
    const [arrived, held] = [latch(), latch()]
    let stock = 1
    const change = async (socket: Socket): Promise<void> => {
      const gone = once(socket, 'close')
      arrived.open()
      await held.opened
      await gone
      stock = 2
    }
    const app = stage.name.startsWith('Koa')
      ? await (stage as (typeof koaStages)[number]).open({
          handler: async (ctx) => {
            if (ctx.method === 'POST') await change(ctx.req.socket)
            ctx.body = `stock ${stock}`
          },
        })
      : await (stage as (typeof expressStages)[number]).open({
          handler: async (request, response) => {
            if (request.method === 'POST') await change(request.socket)
            response.send(`stock ${stock}`)
          },
        })
    expect((await app.get('/')).body).toBe('stock 1')
    const client = connect(app.port, '127.0.0.1')
    client.write('POST / HTTP/1.1\r\nHost: 127.0.0.1:' + app.port + '\r\nContent-Length: 0\r\n\r\n')
    await arrived.opened
    client.destroy()
    held.open()
    await app.happened('invalidate')
    expect((await app.get('/')).body).toBe('stock 2')
  })
})
