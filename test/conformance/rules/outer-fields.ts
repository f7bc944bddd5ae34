import { describe, expect, it } from 'vitest'
import {
  type Connect,
  type Host,
  type KoaMiddleware,
  type Site,
  isHit,
  open,
} from '../../support/host.ts'
import { essenceBehindCache, essenceOf } from '../../support/transparency.ts'

/** What middleware outside of the cache sets, and the application changes. */
export function outerFields(host: Host): void {
  if (!host.hasOutside) return
  const outside: Connect = (_, response, next) => {
    response.setHeader('X-Frame-Options', 'DENY')
    response.setHeader('X-Request', String(++requests))
    response.setHeader('Vary', 'Origin')
    response.setHeader('Content-Type', 'text/x-outer')
    next()
  }
  let requests = 0
  const outsideOfKoa: KoaMiddleware = (ctx, next) => {
    outside(ctx.req, ctx.res, () => undefined)
    return next()
  }
  const site = (change: (response: Parameters<Connect>[1]) => void): Site => ({
    outside: [host.framework === 'Koa' ? outsideOfKoa : outside],
    ...(host.framework === 'Koa'
      ? {
          koa: (ctx) => {
            change(ctx.res)
            ctx.body = 'the page'
          },
        }
      : {
          handler: (_, response) => {
            change(response)
            response.end('the page')
          },
        }),
  })

  describe('C-16', () => {
    const changes: [string, (response: Parameters<Connect>[1]) => void][] = [
      ['left alone', () => undefined],
      ['replaced', (response) => void response.setHeader('X-Frame-Options', 'SAMEORIGIN')],
      ['set to what it is', (response) => void response.setHeader('X-Frame-Options', 'DENY')],
      ['taken away', (response) => response.removeHeader('X-Frame-Options')],
      ['replaced as a type', (response) => void response.setHeader('Content-Type', 'text/x-own')],
      ['added to', (response) => void response.appendHeader('Vary', 'X-Kind')],
    ]
    it.each(changes)(
      'C-16: a field from outside of the cache that the application has %s is so on a hit',
      async (_, change) => {
        const plain = await open(host, site(change), false)
        const cached = await open(host, site(change))
        const expected = await plain.send()
        const cold = await cached.send()
        const warm = await cached.send()
        expect(isHit(warm)).toBe(true)
        expect([cold.get('x-request'), warm.get('x-request')]).toEqual([
          String(requests - 1),
          String(requests),
        ])
        for (const response of [cold, warm]) {
          const given = essenceBehindCache(response, expected, true)
          const wanted = essenceOf(expected, true)
          const isSteady = (line: string): boolean => !line.startsWith('X-Request')
          expect(given.lines.filter(isSteady)).toEqual(wanted.lines.filter(isSteady))
          expect(given.vary).toEqual(wanted.vary)
        }
      },
    )
  })
}
