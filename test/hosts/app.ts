import express, { type Request, type Response } from 'express'
import { cacheFragment } from 'cacheflow'
import { cacheflow } from 'cacheflow/express'
import type { AddressInfo } from 'node:net'

let rendered = 0

export async function visits(): Promise<string> {
  const cache = cacheflow({ maxAge: '1m' })
  const app = express()
  app.use(cache)
  app.get('/posts/:id', cache.route({ tags: ['posts'] }), async (req: Request, res: Response) => {
    const id: string = req.params['id'] as string
    res.send(await cacheFragment(`post/${id}`, () => `post ${id}, rendered ${++rendered}`))
  })
  const server = app.listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const { port } = server.address() as AddressInfo
  const seen: string[] = []
  const visit = async (): Promise<void> => {
    const response = await fetch(`http://127.0.0.1:${port}/posts/1`)
    const isHit = /; hit/.test(response.headers.get('cache-status') ?? '')
    seen.push(`${isHit ? 'hit' : 'miss'}: ${await response.text()}`)
  }
  await visit()
  await visit()
  await cache.invalidate({ tag: 'posts' })
  await visit()
  server.close()
  server.closeAllConnections()
  await cache.close()
  return seen.join('; ')
}
