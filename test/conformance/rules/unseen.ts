import { ServerResponse } from 'node:http'
import { runInNewContext } from 'node:vm'
import { describe, expect, it } from 'vitest'
import { type Connect, type Handler, type Host, isHit, open } from '../../support/host.ts'
import { essenceBehindCache, essenceOf } from '../../support/transparency.ts'

/** C-1 to C-6: what is sent beside the response's own methods, and what Node takes that looks otherwise. */
export function unseenBytes(host: Host): void {
  const prototype = ServerResponse.prototype as unknown as Record<string, Send>
  const sent: [string, Handler][] = [
    [
      "a prototype's write() before end()",
      (_, response) => {
        prototype['write']?.call(response, 'one ')
        response.end('two')
      },
    ],
    [
      "a prototype's write() between others",
      (_, response) => {
        response.write('one ')
        prototype['write']?.call(response, 'two ')
        response.end('three')
      },
    ],
    [
      "a prototype's end()",
      (_, response) => {
        response.write('one ')
        prototype['end']?.call(response, 'two')
      },
    ],
    [
      "a prototype's end() before another",
      (_, response) => {
        response.write('one ')
        prototype['end']?.call(response, 'two')
        response.end()
      },
    ],
    [
      "a prototype's writeHead()",
      (_, response) => {
        prototype['writeHead']?.call(response, 200, { 'X-One': '1' })
        response.end('one')
      },
    ],
    [
      "a prototype's writeHead() before write()",
      (_, response) => {
        prototype['writeHead']?.call(response, 200, { 'X-One': '1' })
        response.write('one ')
        response.end('two')
      },
    ],
    [
      '_send()',
      (_, response) => {
        response.setHeader('Content-Length', '8')
        response.write('one ')
        Reflect.apply(Reflect.get(response, '_send') as Send, response, ['two '])
        response.end()
      },
    ],
    [
      'the socket',
      (_, response) => {
        response.setHeader('Content-Length', '8')
        response.write('one ')
        response.socket?.write('two ')
        response.end()
      },
    ],
  ]

  describe('C-1', () => {
    for (const [way, handler] of sent) {
      it(`C-1: a body of which a part is sent by ${way} reaches the client whole, each time`, async () => {
        const plain = await open(host, { handler }, false)
        const cached = await open(host, { handler })
        const expected = await plain.send()
        for (let i = 0; i < 2; i++) {
          const given = await cached.send()
          expect(essenceBehindCache(given, expected, false)).toEqual(essenceOf(expected, false))
          expect(isHit(given)).toBe(false)
        }
        // What is written to a socket no 304 can keep back.
        if (way === 'the socket') return
        const conditional = await cached.send({ headers: { 'If-None-Match': '*' } })
        expect([isHit(conditional), isHit(await cached.send())]).toEqual([false, false])
      })
    }

    it.runIf(host.seesRaw)(
      'C-1: a body that is written while the response is corked is stored whole',
      async () => {
        const site = await open(host, {
          handler: (_, response) => {
            response.flushHeaders()
            response.cork()
            response.write('one ')
            response.write('two ')
            response.uncork()
            response.cork()
            response.end('three')
          },
        })
        const cold = await site.send()
        const warm = await site.send()
        expect([cold.text, warm.text, isHit(warm)]).toEqual([
          'one two three',
          'one two three',
          true,
        ])
      },
    )
  })

  describe('C-3', () => {
    it('C-3: a Uint8Array of another realm is bytes', async () => {
      const foreign = (text: string): Uint8Array =>
        runInNewContext('Uint8Array.from(bytes)', { bytes: [...Buffer.from(text)] }) as Uint8Array
      const site = await open(host, {
        handler: (_, response) => {
          response.write(foreign('one '))
          response.write('two ')
          response.end(foreign('three'))
        },
      })
      const cold = await site.send()
      const warm = await site.send()
      expect([cold.text, warm.text, isHit(warm)]).toEqual([
        'one two three',
        'one two three',
        host.seesRaw,
      ])
    })
  })

  describe('C-8', () => {
    class Chain {
      toString(): string {
        return 'a chain'
      }
    }
    const values: [string, () => unknown][] = [
      ['a URL', () => new URL('https://shop.example/a?b=c')],
      ['a Date', () => new Date(0)],
      ['a String', () => Object('text') as unknown],
      ['a function', () => Object.assign(() => 1, { toString: () => 'a function' })],
      ['an object with a text', () => new Chain()],
      ['a list of objects', () => [new Chain(), new URL('https://shop.example/')]],
      ['a number', () => 42],
      ['true', () => true],
      ['a big number', () => 42n],
    ]
    for (const [kind, make] of values) {
      for (const way of ['setHeader', 'writeHead'] as const) {
        it(`C-8: a field value that is ${kind} is stored as Node sends it (${way})`, async () => {
          const handler: Handler = (_, response) => {
            const value = make() as string
            if (way === 'setHeader') response.setHeader('X-Value', value)
            else response.writeHead(200, { 'X-Value': value })
            response.end('x')
          }
          const plain = await open(host, { handler }, false)
          const cached = await open(host, { handler })
          const expected = await plain.send()
          const [cold, warm] = [await cached.send(), await cached.send()]
          expect(cold.all('x-value')).toEqual(expected.all('x-value'))
          expect(warm.all('x-value')).toEqual(expected.all('x-value'))
          expect(isHit(warm)).toBe(host.seesRaw)
        })
      }
    }

    it.runIf(host.hasOutside)(
      'C-8: a field of an outer layer may hold an object as well',
      async () => {
        const outside: Connect = (_, response, next) => {
          response.setHeader('X-Outer-Value', new Chain() as never)
          next()
        }
        const outsideOfKoa = (ctx: { res: never }, next: () => unknown): unknown => {
          outside({} as never, ctx.res, () => undefined)
          return next()
        }
        const isKoa = host.framework === 'Koa'
        const site = await open(host, {
          handler: (_, response) => void response.end('x'),
          koa: (ctx) => void (ctx.body = 'x'),
          outside: [isKoa ? outsideOfKoa : outside] as never,
        })
        for (let i = 0; i < 2; i++) {
          const given = await site.send()
          expect([given.text, given.get('x-outer-value'), isHit(given)]).toEqual([
            'x',
            'a chain',
            i === 1,
          ])
        }
      },
    )
  })
}

type Send = (this: object, ...args: unknown[]) => unknown
