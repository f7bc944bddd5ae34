import { Agent, request as ask } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { ReadTracker } from '../../src/request/read-tracker.ts'
import { expressStages, koaStages } from '../support/stages.ts'

const early = 1_000

/** Many requests after one another on one connection. */
async function visit(port: number, paths: readonly string[]): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  onTestFinished(() => agent.destroy())
  for (const path of paths) {
    await new Promise<void>((resolve, reject) => {
      const client = ask({ host: '127.0.0.1', port, path, agent })
      client.on('error', reject).on('response', (response: IncomingMessage) => {
        response.resume().on('end', () => setImmediate(resolve))
      })
      client.end()
    })
  }
}

/** How many observations hear of one look at the connection. */
function told({ socket }: IncomingMessage): number {
  const heard = vi.spyOn(ReadTracker.prototype, 'address')
  try {
    void socket.remoteAddress
    return heard.mock.calls.length
  } finally {
    heard.mockRestore()
  }
}

const paths = [...Array<string>(early).fill('/early'), '/last']
const isEarly = (url: string | undefined): boolean => url === '/early'

describe.each(['behind', 'route', 'router'] as const)('a cache at its place: %s', (place) => {
  for (const { name, open } of expressStages.filter((each) => each.place === place)) {
    it(`S-28: requests that end before it leave nothing on their connection: ${name}`, async () => {
      let heard: number | undefined
      const app = await open({
        before: [
          (request, response: ServerResponse, next) => {
            if (isEarly(request.url)) response.end()
            else next()
          },
        ],
        handler: (request, response) => {
          heard = told(request)
          response.end()
        },
      })
      await visit(app.port, paths)
      expect(heard).toBe(1)
    }, 30_000)
  }
  for (const { name, open } of koaStages.filter((each) => each.place === place)) {
    it(`S-28: requests that end before it leave nothing on their connection: ${name}`, async () => {
      let heard: number | undefined
      const app = await open({
        before: [
          async (ctx, next) => {
            if (isEarly(ctx.url)) ctx.body = ''
            else await next()
          },
        ],
        handler: (ctx) => {
          heard = told(ctx.req)
          ctx.body = ''
        },
      })
      await visit(app.port, paths)
      expect(heard).toBe(1)
    }, 30_000)
  }
})
