import { createServer } from 'node:http'
import express4 from 'express4'
import express5 from 'express'
import { expect, it, onTestFinished } from 'vitest'
import { cacheflow } from 'cacheflow/express'

it.each([
  ['Express 4', express4 as unknown as typeof express5],
  ['Express 5', express5],
])(
  'a route of %s whose pattern cannot be read is answered as without the cache',
  async (_, express) => {
    const app = express()
    app.use((_request, _response, next) => next())
    app.use(cacheflow())
    const pattern = /^\/posts$/
    app.get(pattern, (_request, response) => void response.send('posts'))
    pattern.toString = (): string => {
      throw new Error('not for reading')
    }
    const server = createServer(app).listen(0)
    onTestFinished(() => void server.close())
    const { port } = server.address() as { port: number }
    for (let i = 0; i < 3; i++) {
      const response = await fetch(`http://localhost:${port}/posts`, {
        headers: { connection: 'close' },
      })
      expect([response.status, await response.text()]).toEqual([200, 'posts'])
    }
  },
)
