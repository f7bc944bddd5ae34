import { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import {
  type Handler,
  type Host,
  type KoaMiddleware,
  type Site,
  isHit,
  open,
} from '../../support/host.ts'
import { latch } from '../../support/latch.ts'
import { Wire, parse } from '../../support/wire.ts'

/** C-20 to C-24: responses that take their time, and what is heard of them. */
export function streams(host: Host): void {
  firstBytes(host)
  endless(host)
  pressure(host)
  aside(host)
  lifeCycle(host)
}

/** A body made of parts, by either framework's means. */
function parted(host: Host, parts: () => AsyncIterable<Buffer>, type = 'text/plain'): Site {
  const koa: KoaMiddleware = (ctx) => {
    ctx.type = type
    ctx.body = Readable.from(parts(), { objectMode: false })
  }
  const handler: Handler = async (_, response) => {
    response.setHeader('Content-Type', type)
    for await (const part of parts()) response.write(part)
    response.end()
  }
  return host.framework === 'Koa' && !host.seesRaw ? { koa } : { handler }
}

function firstBytes(host: Host): void {
  describe('C-20', () => {
    it('C-20: the first bytes of a miss go out at once, and the rest as it comes', async () => {
      const go = latch()
      const server = await open(
        host,
        parted(host, async function* () {
          yield Buffer.from('first')
          await go.opened
          yield Buffer.from('last')
        }),
      )
      const wire = new Wire(server.port)
      await wire.until('first')
      expect(wire.text).not.toContain('last')
      go.open()
      await wire.closed()
      expect(parse(wire.bytes, 'GET').text).toBe('firstlast')
      const warm = await server.send()
      expect([warm.text, isHit(warm)]).toEqual(['firstlast', true])
    })

    it('C-20: flushHeaders sends the head at once', async () => {
      const go = latch()
      const server = await open(host, {
        handler: async (_, response) => {
          response.setHeader('X-Early', '1')
          response.flushHeaders()
          await go.opened
          response.end('body')
        },
      })
      const wire = new Wire(server.port)
      await wire.until('X-Early: 1')
      go.open()
      await wire.closed()
      expect(parse(wire.bytes, 'GET').text).toBe('body')
      expect((await server.send()).text).toBe('body')
    })

    it('C-20: a body beyond the limit of an entry passes through whole, and is not stored', async () => {
      const part = Buffer.alloc(10_000, 'x')
      const server = await open(host, {
        ...parted(host, async function* () {
          for (let i = 0; i < 10; i++) {
            yield part
            await sleep(0)
          }
        }),
        options: { memory: { maxSize: 1_000_000, maxEntrySize: 50_000 } },
      })
      for (let i = 0; i < 2; i++) {
        const response = await server.send()
        expect([response.body.length, response.isComplete, isHit(response)]).toEqual([
          100_000,
          true,
          false,
        ])
      }
      expect(server.cache.stats().bytes).toBeLessThan(50_000)
    })
  })
}

function endless(host: Host): void {
  const forever = (text: string) =>
    async function* (): AsyncGenerator<Buffer> {
      for (;;) {
        yield Buffer.from(text)
        await sleep(1)
      }
    }

  describe('C-21', () => {
    it('C-21: server-sent events reach every client at once, and are not stored', async () => {
      const server = await open(host, {
        ...parted(host, forever('data: 1\n\n'), 'text/event-stream'),
        // Whoever waited would wait longer than the test.
        options: { collapse: { timeout: '1h' } },
      })
      const wires = [new Wire(server.port), new Wire(server.port)]
      for (const wire of wires) await wire.until('data: 1\n\n')
      for (const wire of wires) await wire.abort()
      expect(server.runs).toBe(2)
    })

    it('C-21: a response that never ends holds up nobody longer than the set time', async () => {
      const server = await open(host, {
        ...parted(host, forever('tick ')),
        options: { collapse: { timeout: 50 } },
      })
      const wires = [new Wire(server.port), new Wire(server.port)]
      for (const wire of wires) await wire.until('tick ')
      for (const wire of wires) await wire.abort()
    })

    it('C-21: a response that never ends is collected no further than the limit', async () => {
      const part = 'x'.repeat(5_000)
      const server = await open(host, {
        ...parted(host, forever(part)),
        options: { memory: { maxSize: 100_000, maxEntrySize: 20_000 } },
      })
      const reasons: string[] = []
      const refused = latch()
      server.cache.on('uncacheable', ({ reason }) => {
        reasons.push(reason)
        refused.open()
      })
      const wire = new Wire(server.port)
      await wire.until(part)
      await refused.opened
      // Still running, and nobody waits for it any more.
      const second = new Wire(server.port)
      await second.until(part)
      await Promise.all([wire.abort(), second.abort()])
      expect(reasons[0]).toBe('too-large')
    })
  })
}

function pressure(host: Host): void {
  describe.runIf(host.seesRaw)('C-22', () => {
    it('C-22: write() tells of a slow client, drain follows, and no more is held than without the cache', async () => {
      const part = Buffer.alloc(64 * 1024, 'x')
      const total = 100
      const run = async (
        isCached: boolean,
      ): Promise<{ held: number; waits: number; length: number }> => {
        let held = 0
        let waits = 0
        const full = latch()
        const server = await open(
          host,
          {
            handler: async (_, response) => {
              for (let i = 0; i < total; i++) {
                const isTaken = response.write(part)
                held = Math.max(held, response.writableLength)
                if (isTaken) continue
                waits++
                full.open()
                await new Promise<void>((resolve) => response.once('drain', () => resolve()))
              }
              response.end()
            },
            options: { memory: { maxSize: '64MiB', maxEntrySize: '32MiB' } },
          },
          isCached,
        )
        const wire = new Wire(server.port)
        await wire.connected()
        wire.pause()
        await full.opened
        await sleep(20)
        wire.resume()
        await wire.closed()
        return { held, waits, length: parse(wire.bytes, 'GET').body.length }
      }
      const plain = await run(false)
      const cached = await run(true)
      expect([plain.length, cached.length]).toEqual([part.length * total, part.length * total])
      expect(cached.waits).toBeGreaterThan(0)
      expect(cached.held).toBeLessThanOrEqual(plain.held * 2)
    })
  })
}

function aside(host: Host): void {
  describe('C-23', () => {
    it('C-23: early hints reach the client of a miss, and are not stored', async () => {
      const server = await open(host, {
        handler: (_, response) => {
          response.writeEarlyHints({ link: '</a.css>; rel=preload' })
          response.end('x')
        },
      })
      const cold = await server.send()
      expect(cold.interim.map(({ status }) => status)).toEqual([103])
      expect(cold.interim[0]?.lines).toContainEqual(['Link', '</a.css>; rel=preload'])
      const warm = await server.send()
      expect([warm.text, isHit(warm)]).toEqual(['x', host.seesRaw])
      if (host.seesRaw) expect(warm.interim).toEqual([])
      expect(warm.get('link')).toBeUndefined()
    })

    it('C-23: 100 Continue and 102 Processing pass', async () => {
      const server = await open(host, {
        handler: (_, response) => {
          response.writeContinue()
          response.writeProcessing()
          response.end('x')
        },
      })
      const cold = await server.send()
      expect([...cold.interim.map(({ status }) => status), cold.text]).toEqual([100, 102, 'x'])
    })
  })
}

function lifeCycle(host: Host): void {
  describe('C-24', () => {
    it('C-24: finish, close and callbacks come once each, in the order they come without the cache', async () => {
      const run = async (isCached: boolean): Promise<string[]> => {
        const log: string[] = []
        const done = latch()
        const handler: Handler = (_, response) => {
          for (const event of ['prefinish', 'finish', 'close', 'error'] as const) {
            response.on(event, () => void log.push(event))
          }
          response.once('close', () => setImmediate(done.open))
          log.push(`sent ${response.headersSent}`)
          response.write('a', () => log.push('written a'))
          log.push(`sent ${response.headersSent}, ended ${response.writableEnded}`)
          const result = response.end('b', () => log.push('ended'))
          log.push(`itself ${result === response}, ended ${response.writableEnded}`)
          response.end()
          response.end('too late', (error?: unknown) => log.push(`again ${codeOf(error)}`))
          response.write('too late', (error) => log.push(`late ${codeOf(error)}`))
        }
        const server = await open(host, { handler }, isCached)
        const response = await server.send()
        await done.opened
        log.push(response.text)
        return log
      }
      const plain = await run(false)
      expect(await run(true)).toEqual(plain)
      expect(plain.filter((entry) => entry === 'finish')).toHaveLength(1)
    })

    it('C-24: headers cannot be set any more once the head is sent, as without the cache', async () => {
      const run = async (isCached: boolean): Promise<unknown[]> => {
        const log: unknown[] = []
        const attempt = (act: () => unknown): void => {
          try {
            act()
            log.push('done')
          } catch (error) {
            log.push(codeOf(error))
          }
        }
        const server = await open(
          host,
          {
            handler: (_, response) => {
              response.write('x')
              attempt(() => response.setHeader('X', '1'))
              attempt(() => response.removeHeader('X'))
              attempt(() => response.writeHead(500))
              attempt(() => response.write(null))
              attempt(() => response.write(1))
              response.end()
            },
          },
          isCached,
        )
        await server.send()
        return log
      }
      expect(await run(true)).toEqual(await run(false))
    })

    it('C-24: what is written before the head is refused is refused as without the cache', async () => {
      const run = async (isCached: boolean): Promise<unknown[]> => {
        const log: unknown[] = []
        const attempts: ((response: Parameters<Handler>[1]) => unknown)[] = [
          (response) => response.write(null),
          (response) => response.write({}),
          (response) => response.end({} as never),
          (response) => response.writeHead(99),
          (response) => response.writeHead(200, 'bad\n'),
          (response) => response.writeHead(200, { 'X-Bad': 'a\nb' }),
          (response) => response.writeHead(200, { 'X-Bad': undefined }),
          (response) => response.setHeader('X Y', '1'),
        ]
        const server = await open(
          host,
          {
            handler: (_, response) => {
              for (const attempt of attempts) {
                try {
                  attempt(response)
                  log.push('done')
                } catch (error) {
                  log.push(codeOf(error))
                }
                // A refused reason phrase stands.
                response.statusMessage = 'OK'
              }
              response.writeHead(200, {})
              response.end('fine')
            },
          },
          isCached,
        )
        const response = await server.send()
        return [...log, response.status, response.text]
      }
      expect(await run(true)).toEqual(await run(false))
    })
  })
}

function codeOf(error: unknown): unknown {
  return typeof error === 'object' && error !== null && 'code' in error ? error.code : error
}
