import express5 from 'express'
import express4 from 'express4'
import { cacheflow } from 'cacheflow/express'
import serverless from 'serverless-http'
import { describe, expect, it } from 'vitest'

interface Answer {
  readonly statusCode: number
  readonly body: string
  readonly headers: Readonly<Record<string, string>>
}

describe.each([
  ['Express 4', express4 as unknown as typeof express5],
  ['Express 5', express5],
])('serverless-http with %s', (_, express) => {
  it('a GET without a body is answered from the store', async () => {
    const cache = cacheflow()
    const app = express()
    app.use(cache)
    let runs = 0
    app.get('/page', (_request, response) => void response.send(`page ${++runs}`))
    const handle = serverless(app) as unknown as (event: object, context: object) => Promise<Answer>
    const event = {
      httpMethod: 'GET',
      path: '/page',
      headers: { host: 'test.example' },
      requestContext: {},
      body: null,
    }
    const answers = [await handle(event, {}), await handle(event, {})]
    expect(answers.map(({ statusCode, body }) => [statusCode, body])).toEqual([
      [200, 'page 1'],
      [200, 'page 1'],
    ])
    expect(answers[1]?.headers['cache-status']).toContain('hit')
    await cache.close()
  })
})
