import { Readable } from 'node:stream'
import fc from 'fast-check'
import type { KoaMiddleware } from '../support/host.ts'
import { field } from './program.ts'

type Context = Parameters<KoaMiddleware>[0]

/** What a Koa application may do to its context, one thing after the other. */
type Step =
  | { readonly do: 'body'; readonly kind: Kind; readonly text: string }
  | { readonly do: 'status'; readonly status: number }
  | { readonly do: 'type'; readonly type: string }
  | { readonly do: 'set' | 'append' | 'remove'; readonly name: string; readonly value: string[] }
  | { readonly do: 'etag' | 'lastModified' | 'wait' | 'readBody' | 'isFresh' }
  | { readonly do: 'length'; readonly isRight: boolean }
  | { readonly do: 'redirect'; readonly to: string }
  | { readonly do: 'throw'; readonly status: number }

const kinds = [
  'text',
  'html',
  'empty',
  'bytes',
  'json',
  'list',
  'number',
  'stream',
  'empty stream',
  'web stream',
  'blob',
  'response',
  'null',
  'undefined',
] as const
type Kind = (typeof kinds)[number]

export interface ContextProgram {
  readonly steps: readonly Step[]
  /** What middleware around the handler, inside of the cache, does afterwards. */
  readonly after: readonly Step[]
}

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant('body' as const),
      kind: fc.constantFrom(...kinds),
      text: fc.constantFrom('a', 'Grüße 🦊', 'line\nline', '0'),
    }),
  },
  {
    weight: 3,
    arbitrary: fc
      .constantFrom(200, 201, 203, 204, 301, 302, 304, 404, 410, 418, 500, 503)
      .map((status) => ({ do: 'status' as const, status })),
  },
  {
    weight: 2,
    arbitrary: fc
      .constantFrom('json', 'html', 'text/plain; charset=latin1', 'application/x-own', '')
      .map((type) => ({ do: 'type' as const, type })),
  },
  {
    weight: 5,
    arbitrary: fc
      .tuple(fc.constantFrom('set' as const, 'append' as const, 'remove' as const), field)
      .filter(([act, [name]]) => act !== 'append' || name !== 'Content-Length')
      .map(([act, [name, value]]) => ({ do: act, name, value: [value].flat() })),
  },
  {
    weight: 3,
    arbitrary: fc
      .constantFrom(
        'etag' as const,
        'lastModified' as const,
        'wait' as const,
        'readBody' as const,
        'isFresh' as const,
      )
      .map((act) => ({ do: act })),
  },
  {
    weight: 1,
    arbitrary: fc.boolean().map((isRight) => ({ do: 'length' as const, isRight })),
  },
  { weight: 1, arbitrary: fc.constant({ do: 'redirect' as const, to: '/elsewhere' }) },
  {
    weight: 1,
    arbitrary: fc
      .constantFrom(404, 410, 500, 503)
      .map((status) => ({ do: 'throw' as const, status })),
  },
)

export const contextProgram: fc.Arbitrary<ContextProgram> = fc.record({
  steps: fc.array(step, { maxLength: 7 }),
  after: fc.array(step, { maxLength: 2 }),
})

/** The program as middleware: the handler's part, and what follows it. */
export function middlewareOf({ steps, after }: ContextProgram): KoaMiddleware {
  return async (ctx) => {
    for (const each of [...steps, ...after]) {
      if (each.do === 'wait') await new Promise((resolve) => setImmediate(resolve))
      else take(each, ctx)
    }
  }
}

function take(step: Step, ctx: Context): void {
  switch (step.do) {
    case 'body':
      ctx.body = bodyOf(step.kind, step.text)
      return
    case 'status':
      ctx.status = step.status
      return
    case 'type':
      ctx.type = step.type
      return
    case 'set':
      ctx.set(step.name, step.value.length === 1 ? String(step.value) : step.value)
      return
    case 'append':
      ctx.append(step.name, step.value)
      return
    case 'remove':
      ctx.remove(step.name)
      return
    case 'etag':
      ctx.etag = 'v1'
      return
    case 'lastModified':
      ctx.lastModified = new Date('2025-07-01T10:00:00Z')
      return
    case 'length':
      if (step.isRight && typeof ctx.body === 'string') ctx.length = Buffer.byteLength(ctx.body)
      return
    case 'readBody':
      void ctx.body
      void ctx.length
      return
    case 'isFresh':
      void ctx.fresh
      return
    case 'redirect':
      ctx.redirect(step.to)
      return
    case 'throw':
      ctx.throw(step.status, 'thrown')
      return
    case 'wait':
  }
}

function bodyOf(kind: Kind, text: string): unknown {
  switch (kind) {
    case 'text':
      return text
    case 'html':
      return `<p>${text}</p>`
    case 'empty':
      return ''
    case 'bytes':
      return Buffer.from(text)
    case 'json':
      return { text, nested: { list: [1, null] } }
    case 'list':
      return [text]
    case 'number':
      return text.length
    case 'stream':
      return Readable.from([Buffer.from(text), Buffer.from(' and more')])
    case 'empty stream':
      return Readable.from([])
    case 'web stream':
      return new Response(text).body
    case 'blob':
      return new Blob([text])
    case 'response':
      return new Response(text, { status: 203 })
    case 'null':
      return null
    case 'undefined':
      return undefined
  }
}
