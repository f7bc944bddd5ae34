import { Http2ServerResponse } from 'node:http2'
import { PassThrough } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { bare } from '../support/bare.ts'
import { type Http2Response, type Listener, serveHttp2 } from '../support/http2-client.ts'

describe('C-28: bodies over HTTP/2', () => {
  const prototype = Http2ServerResponse.prototype as unknown as Record<string, Send>
  const beside: [string, Listener][] = [
    [
      "a prototype's write()",
      (_, response) => {
        response.write('one ')
        prototype['write']?.call(response, 'two ')
        response.end('three')
      },
    ],
    [
      "a prototype's writeHead()",
      (_, response) => {
        prototype['writeHead']?.call(response, 200)
        response.end('one two three')
      },
    ],
    [
      'the stream',
      (_, response) => {
        response.write('one ')
        const { stream } = response as unknown as Streamed
        stream.write('two ')
        response.end('three')
      },
    ],
  ]
  for (const [way, listener] of beside) {
    it(`C-28: a body of which a part is sent by ${way} reaches the client whole, each time`, async () => {
      const site = await serveHttp2(bare(listener).listener)
      for (let i = 0; i < 2; i++) {
        const given = await site.send()
        expect([String(given.body), hits(given)]).toEqual(['one two three', false])
      }
    })
  }

  it('C-28: every view of bytes that HTTP/2 takes is stored', async () => {
    const whole = Buffer.from('one two three!!!')
    const { buffer, byteOffset } = Buffer.from(Uint8Array.from(whole))
    const { listener } = bare((_, response) => {
      response.write(new Uint16Array(buffer.slice(byteOffset, byteOffset + 4)))
      response.write(new DataView(buffer, byteOffset + 4, 4))
      response.end(new Float64Array(buffer.slice(byteOffset + 8, byteOffset + 16)))
    })
    const site = await serveHttp2(listener)
    const cold = await site.send()
    const warm = await site.send()
    expect([String(cold.body), String(warm.body), hits(warm)]).toEqual([
      String(whole),
      String(whole),
      true,
    ])
  })

  const breaks: [string, Listener][] = [
    ['it was destroyed', (_, response) => response.destroy()],
    ['its stream was reset', (_, response) => (response as unknown as Streamed).stream.close(8)],
    [
      'a stream that was piped into it has failed',
      (_, response) => {
        const source = new PassThrough()
        source.on('error', () => undefined)
        source.pipe(response)
        source.destroy(new Error('the disk is gone'))
      },
    ],
  ]
  for (const [kind, breakOff] of breaks) {
    it(`C-28: a response that is ended after ${kind} is not stored`, async () => {
      let isFirst = true
      const { listener } = bare((request, response) => {
        response.write('the start')
        if (!isFirst) {
          response.end(' and the end')
          return
        }
        isFirst = false
        setImmediate(() => {
          breakOff(request, response)
          response.end()
        })
      })
      const site = await serveHttp2(listener)
      await site.send()
      const next = await site.send()
      expect([String(next.body), hits(next)]).toEqual(['the start and the end', false])
    })
  }

  it('C-28: what a handler ends because its client reset the stream is not stored', async () => {
    let isFirst = true
    let ended = (): void => undefined
    const over = new Promise<void>((resolve) => (ended = resolve))
    const { listener } = bare((request, response) => {
      response.write('the start')
      if (!isFirst) {
        response.end(' and the end')
        return
      }
      isFirst = false
      request.once('aborted', () => {
        response.end()
        ended()
      })
    })
    const site = await serveHttp2(listener)
    await site.leave('the start')
    await over
    const next = await site.send()
    expect([String(next.body), hits(next)]).toEqual(['the start and the end', false])
  })
})

type Send = (this: object, ...args: unknown[]) => unknown

interface Streamed {
  readonly stream: { write: Send; close(code: number): void }
}

function hits(response: Http2Response): boolean {
  return String(response.headers['cache-status']).startsWith('cacheflow; hit')
}
