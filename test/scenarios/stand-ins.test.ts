import { EventEmitter } from 'node:events'
import { cacheflow } from 'cacheflow/express'
import express5 from 'express'
import express4 from 'express4'
import { createRequest, createResponse } from 'node-mocks-http'
import { describe, expect, it } from 'vitest'

const majors = [
  ['Express 4', express4 as unknown as typeof express5],
  ['Express 5', express5],
] as const

describe.each(majors)('node-mocks-http in %s', (_, express) => {
  it.each(['first', 'behind', 'wrap'] as const)(
    'is answered by the application, with the cache %s',
    async (place) => {
      const cache = cacheflow()
      const app = express()
      app.set('env', 'test')
      if (place === 'behind') {
        app.use((_request, response, next) => {
          response.setHeader('X-Outer', '1')
          next()
        })
      }
      if (place !== 'wrap') app.use(cache)
      app.get('/', (request, response) => {
        response.send(`seen ${request.get('x-a')}`)
      })
      const listener = place === 'wrap' ? cache.wrap(app) : app
      for (let i = 0; i < 2; i++) {
        const request = createRequest({ url: '/', headers: { 'x-a': '1' } })
        const response = createResponse({ eventEmitter: EventEmitter })
        const ended = new Promise((resolve) => response.on('end', resolve))
        listener(request, response)
        await ended
        expect([response.statusCode, response._getData()]).toEqual([200, 'seen 1'])
      }
      await cache.close()
    },
  )
})
