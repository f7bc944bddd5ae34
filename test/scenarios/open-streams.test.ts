import { createServer, request, type IncomingMessage, type RequestListener } from 'node:http'
import express from 'express'
import { expect, it, onTestFinished } from 'vitest'
import { cacheFragment, type FragmentEvent } from 'cacheflow'
import { cacheflow } from 'cacheflow/express'

it('a stream that bypasses the cache, open for hours, keeps no fragment from being stored', async () => {
  const cache = cacheflow()
  const told: FragmentEvent[] = []
  cache.on('fragment', (event) => told.push(event))
  const app = express()
  app.use(cache)
  app.post('/events', (_request, response) => {
    response.type('text/event-stream').write('data: 1\n\n')
  })
  app.get('/', async (_request, response) => {
    response.send(await cacheFragment('open-streams', () => 'fragment'))
  })
  const server = createServer(app as RequestListener).listen(0)
  onTestFinished(() => void server.close())
  const { port } = server.address() as { port: number }
  const open = (path: string, method = 'GET'): Promise<IncomingMessage> =>
    new Promise((resolve, reject) => {
      request({ port, path, method, agent: false }, resolve).once('error', reject).end()
    })

  const stream = await open('/events', 'POST')
  onTestFinished(() => void stream.destroy())
  const page = await open('/')
  page.resume()
  expect(told).toMatchObject([{ stored: true, uncacheable: undefined }])
})

it('a request that meets twenty routes of the cache adds no more listeners than one that meets one', async () => {
  const counts: number[] = []
  for (const routes of [1, 20]) {
    const cache = cacheflow()
    const app = express()
    app.use(cache)
    for (let i = 0; i < routes; i++) {
      app.use(cache.route({ tags: [`tag-${i}`], key: () => `key ${i}` }))
    }
    app.get('/', (_request, response) => {
      counts.push(response.listenerCount('close'))
      response.send('page')
    })
    const server = createServer(app as RequestListener).listen(0)
    onTestFinished(() => void server.close())
    const { port } = server.address() as { port: number }
    const page = await new Promise<IncomingMessage>((resolve, reject) => {
      request({ port, agent: false }, resolve).once('error', reject).end()
    })
    page.resume()
  }
  expect(counts[1]).toBe(counts[0])
})
