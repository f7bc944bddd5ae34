import { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import { cacheflow as forExpress } from 'cacheflow/express'
import { cacheflow as forKoa } from 'cacheflow/koa'
import { describe, expect, it } from 'vitest'

describe('misuse is told where it is written', () => {
  it('listening to an event that does not exist names those that do', () => {
    const cache = forExpress()
    expect(() => cache.on('hits' as 'hit', () => undefined)).toThrow(
      expect.objectContaining({
        code: 'ERR_CACHEFLOW_EVENT',
        message: expect.stringContaining('hit, miss') as string,
      }) as Error,
    )
  })

  it('mounting it without calling it, or in the other framework, says what to do', async () => {
    const message = async (call: () => unknown): Promise<string> => {
      try {
        await call()
      } catch (error) {
        return String(error)
      }
      return ''
    }
    const request = new IncomingMessage(new Socket())
    const ctx = { req: request, res: new ServerResponse(request) }
    const next = async (): Promise<void> => undefined
    const uncalled = 'cacheflow() was mounted without being called'
    expect(await message(() => forExpress(request as never))).toContain(uncalled)
    expect(await message(() => forKoa(ctx as never))).toContain(uncalled)
    expect(await message(() => forExpress()(ctx as never, next as never, next))).toContain(
      'for Koa import cacheflow/koa',
    )
    expect(await message(() => forKoa()(request as never, next))).toContain(
      'for Express import cacheflow/express',
    )
  })

  it('wrapping what is no application says what to wrap', () => {
    const notAnApplication = {} as never
    for (const cache of [forExpress(), forKoa()]) {
      expect(() => cache.wrap(notAnApplication)).toThrow(
        expect.objectContaining({ code: 'ERR_CACHEFLOW_APPLICATION' }) as Error,
      )
    }
  })
})
