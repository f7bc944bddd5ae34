import { PassThrough, type Readable, pipeline } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { type Connect, type Handler, type Host, isHit, open } from '../../support/host.ts'
import { latch } from '../../support/latch.ts'
import { Wire } from '../../support/wire.ts'

type Break = (
  request: Parameters<Handler>[0],
  response: Parameters<Handler>[1],
  next: Parameters<Handler>[2],
) => void

/** C-18: whatever is ended after something has broken is not whole. */
export function endingsAfterBreaks(host: Host): void {
  describe('C-18', () => {
    const failing = (): Readable => {
      const source = new PassThrough()
      source.on('error', () => undefined)
      setImmediate(() => source.destroy(new Error('the disk is gone')))
      return source
    }
    const kinds: [string, Break][] = [
      ['the client aborts', (request, response) => request.once('aborted', () => response.end())],
      ['the connection closes', (request, response) => request.once('close', () => response.end())],
      [
        'an outer signal aborts',
        (request, response) => {
          const { signal } = request as unknown as { signal: AbortSignal }
          signal.addEventListener('abort', () => response.end())
        },
      ],
      [
        'it was destroyed',
        (_, response) => {
          response.destroy()
          response.end()
        },
      ],
      [
        'its connection was destroyed',
        (_, response) => {
          response.socket?.destroy()
          response.end()
        },
      ],
      [
        'a stream that was piped into it has failed',
        (_, response) => {
          const source = failing()
          source.on('error', () => response.end())
          source.pipe(response)
        },
      ],
      [
        'a stream that was piped into it has closed',
        (_, response) => {
          const source = new PassThrough()
          source.on('close', () => response.end())
          source.pipe(response)
          setImmediate(() => source.destroy())
        },
      ],
      [
        'a pipeline into it has failed',
        (_, response) => {
          pipeline(failing(), response, () => response.end())
        },
      ],
      [
        'the framework has given it up',
        (request, response, next) => {
          next(new Error('too late'))
          // Express lets go of the connection a turn later.
          request.socket.once('close', () => response.end())
        },
      ],
    ]
    for (const [kind, breakOff] of kinds) {
      if (kind.startsWith('the framework') && host.framework === 'Koa') continue
      it(`C-18: a response that is ended after ${kind} is not stored`, async () => {
        let isFirst = true
        const ended = latch()
        const signalling: Connect = (request, response, next) => {
          const controller = new AbortController()
          response.once('close', () => controller.abort())
          Object.assign(request, { signal: controller.signal })
          next()
        }
        const outside = [
          host.framework === 'Koa'
            ? (ctx: { req: never; res: never }, next: () => unknown) => {
                signalling(ctx.req, ctx.res, () => undefined)
                return next()
              }
            : signalling,
        ]
        const server = await open(host, {
          outside: outside as never,
          inside: host.hasOutside ? [] : (outside as never),
          handler: (request, response, next) => {
            response.write('the start')
            if (!isFirst) {
              response.end(' and the end')
              return
            }
            isFirst = false
            response.once('close', ended.open)
            setImmediate(() => breakOff(request, response, next))
          },
        })
        const leaver = new Wire(server.port)
        await leaver.until('the start')
        await leaver.abort()
        await ended.opened
        const next = await server.send()
        expect([next.text, isHit(next)]).toEqual(['the start and the end', false])
      })
    }

    it.runIf(host.seesRaw)(
      'C-19: a whole body that was ended before its client left is stored',
      async () => {
        const text = 'x'.repeat(4 * 1024 * 1024)
        const ended = latch()
        const closed = latch()
        const server = await open(host, {
          handler: (_, response) => {
            response.once('close', closed.open)
            response.write('the start ')
            response.end(text)
            ended.open()
          },
        })
        const leaver = new Wire(server.port)
        leaver.pause()
        await ended.opened
        await leaver.abort()
        await closed.opened
        const next = await server.send()
        expect([next.text === `the start ${text}`, isHit(next)]).toEqual([true, true])
      },
    )
  })
}
