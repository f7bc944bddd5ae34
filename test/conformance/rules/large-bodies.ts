import { Readable } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { type Host, type Site, isHit, open } from '../../support/host.ts'

const part = Buffer.alloc(16 * 1024, 'x')
const total = 512 * part.length
const limit = 4 * part.length
const options = { memory: { maxSize: '1MiB', maxEntrySize: limit } } as const

/** Bodies that no entry holds: they are not stored, and nobody pays for what is not needed of them. */
export function largeBodies(host: Host): void {
  const siteOf = (isDeclared: boolean, made: { bytes: number; conditions: unknown[] }): Site => {
    function* parts(): Generator<Buffer> {
      for (let i = 0; i < total; i += part.length) {
        made.bytes += part.length
        yield part
      }
    }
    const fields = { ETag: '"v1"', ...(isDeclared && { 'Content-Length': String(total) }) }
    if (host.framework === 'Koa') {
      return {
        options,
        koa: (ctx) => {
          made.conditions.push(ctx.headers['if-none-match'])
          ctx.body = Readable.from(parts(), { objectMode: false })
          ctx.set(fields)
        },
      }
    }
    return {
      options,
      handler: (request, response) => {
        made.conditions.push(request.headers['if-none-match'])
        for (const [name, value] of Object.entries(fields)) response.setHeader(name, value)
        Readable.from(parts(), { objectMode: false }).pipe(response)
      },
    }
  }

  describe('C-21', () => {
    it('C-21: a body that is declared larger than an entry is not said to be stored', async () => {
      const site = await open(host, siteOf(true, { bytes: 0, conditions: [] }))
      const refused: string[] = []
      site.cache.on('uncacheable', ({ reason }) => refused.push(reason))
      const response = await site.send()
      expect([response.body.length, response.isComplete]).toEqual([total, true])
      expect(response.get('cache-status')).not.toContain('stored')
      expect(refused).toEqual(['too-large'])
    })

    it.each([
      ['declares', true],
      ['does not declare', false],
    ])(
      'C-21: who has a large body already is told so at once, and it is not made to its end, where it %s its length',
      async (_, isDeclared) => {
        const made = { bytes: 0, conditions: [] as unknown[] }
        const site = await open(host, siteOf(isDeclared, made))
        const response = await site.send({ headers: { 'if-none-match': '"v1"' } })
        expect([response.status, response.body.length]).toEqual([304, 0])
        await new Promise((resolve) => setTimeout(resolve, 20))
        expect(made.bytes).toBeLessThan(total / 4)
        expect(site.cache.stats().inFlight).toBe(0)
        expect(isHit(await site.send())).toBe(false)
      },
    )

    it('C-21: the application judges the conditions on what was too large lately', async () => {
      const made = { bytes: 0, conditions: [] as unknown[] }
      const site = await open(host, siteOf(true, made))
      const headers = { 'if-none-match': '"v1"' }
      await site.send()
      await site.send({ headers })
      expect(made.conditions).toEqual([undefined, '"v1"'])
      expect(isHit(await site.send({ path: '/other', headers }))).toBe(false)
      expect(made.conditions.at(-1)).toBeUndefined()
    })
  })
}
