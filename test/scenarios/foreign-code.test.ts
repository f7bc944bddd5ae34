import { describe, expect, it } from 'vitest'
import type { CacheflowOptions } from 'cacheflow'
import { expressHost, koaHost, open } from '../support/host.ts'

const hosts = [
  expressHost(4, 'first'),
  expressHost(5, 'first'),
  koaHost(2, 'first'),
  koaHost(3, 'first'),
  koaHost(2, 'behind'),
  koaHost(3, 'behind'),
]

const hostile = {
  get message(): string {
    throw new Error('read')
  },
  get stack(): string {
    throw new Error('read')
  },
  toString(): string {
    throw new Error('read')
  },
}

/** What foreign code throws: also what is no Error, and what throws when it is looked at. */
const thrown: readonly (readonly [string, unknown])[] = [
  ['an Error', new Error('broken')],
  ['a text', 'broken'],
  ['undefined', undefined],
  ['an object whose getters throw', hostile],
]

const events = [
  'hit',
  'miss',
  'bypass',
  'store',
  'uncacheable',
  'refresh',
  'error',
  'evict',
] as const

describe.each(hosts)('behind $name', (host) => {
  describe.each(thrown)('an application whose own code throws %s', (_, error) => {
    const fail = (): never => {
      throw error
    }
    const page = async (options: CacheflowOptions<unknown>, prepare: boolean): Promise<void> => {
      const site = await open(host, {
        options,
        ...(host.framework === 'Koa'
          ? { koa: (ctx) => void (ctx.body = 'page') }
          : { handler: (_request, response) => response.end('page') }),
      })
      if (prepare) {
        for (const name of events) {
          site.cache.on(name, fail)
          // oxlint-disable-next-line typescript/no-misused-promises
          site.cache.on(name, () => Promise.reject(error as Error))
        }
      }
      for (const path of ['/a', '/a', '/b', '/a']) {
        expect(await site.send(path)).toMatchObject({ status: 200, text: 'page' })
      }
    }

    it('in listeners of events gets its pages', () => page({}, true))

    it.each(['key', 'session'] as const)('in the option %s gets its pages', (name) =>
      page({ [name]: fail }, true),
    )
  })
})
