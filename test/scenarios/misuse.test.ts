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

  it('wrapping what is no application says what to wrap', () => {
    const notAnApplication = {} as never
    for (const cache of [forExpress(), forKoa()]) {
      expect(() => cache.wrap(notAnApplication)).toThrow(
        expect.objectContaining({ code: 'ERR_CACHEFLOW_APPLICATION' }) as Error,
      )
    }
  })
})
