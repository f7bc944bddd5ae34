import type { ServerResponse } from 'node:http'
import fc from 'fast-check'
import type { Handler } from '../support/host.ts'

type Value = string | readonly string[]

/** What an application may do to its response, one thing after the other. */
export type Step =
  | { readonly do: 'setHeader' | 'appendHeader'; readonly name: string; readonly value: Value }
  | { readonly do: 'removeHeader'; readonly name: string }
  | { readonly do: 'status'; readonly status: number; readonly message: string | undefined }
  | {
      readonly do: 'writeHead'
      readonly status: number
      readonly reason: string | undefined
      readonly form: 'none' | 'object' | 'list' | 'pairs'
      readonly fields: readonly (readonly [string, Value])[]
    }
  | { readonly do: 'flushHeaders' | 'wait' | 'earlyHints' }
  | { readonly do: 'write'; readonly chunk: Chunk; readonly calls: boolean }
  | { readonly do: 'trailers'; readonly value: string }
  | { readonly do: 'refused'; readonly what: number }

export interface Program {
  readonly steps: readonly Step[]
  readonly end: Chunk | undefined
  readonly calls: boolean
}

type Chunk =
  | { readonly text: string; readonly encoding: BufferEncoding | undefined }
  | { readonly bytes: readonly number[]; readonly as: 'Buffer' | 'Uint8Array' }

const day = 'Tue, 01 Jul 2025 10:00:00 GMT'

/** One header field, of those that matter to caches or to nobody. */
export const field: fc.Arbitrary<readonly [string, Value]> = fc.oneof(
  fc.tuple(
    fc.constantFrom('X-A', 'x-a', 'X-B', 'Link', 'Warning'),
    fc.oneof(
      fc.constantFrom<Value>('1', '2', '', 'a, b', 'caf\u00e9', ['1', '2'], ['a'], []),
      fc
        .string({ unit: fc.constantFrom('a', ' ', ';', '"', ','), maxLength: 6 })
        .map((s) => `v${s}v`),
    ),
  ),
  fc.constantFrom<readonly [string, Value]>(
    ['Content-Type', 'text/html; charset=utf-8'],
    ['content-type', 'text/plain'],
    ['Content-Language', 'en'],
    ['Cache-Control', 'max-age=60'],
    ['Cache-Control', 'public, max-age=3600, immutable'],
    ['cache-control', 'no-cache'],
    ['Cache-Control', 'private'],
    ['Cache-Control', 'no-store'],
    ['Cache-Control', ['max-age=5', 'must-revalidate']],
    ['Surrogate-Control', 'max-age=60'],
    ['Expires', 'Thu, 01 Jan 2099 00:00:00 GMT'],
    ['Expires', '0'],
    ['ETag', '"v1"'],
    ['ETag', 'W/"v1"'],
    ['Last-Modified', day],
    ['Date', day],
    ['Age', '7'],
    ['Vary', 'X-Kind'],
    ['Vary', 'Accept-Encoding, X-Kind'],
    ['vary', ['X-Kind', 'X-Other']],
    ['Vary', '*'],
    ['Set-Cookie', 'a=1'],
    ['Set-Cookie', ['a=1', 'b=2; Path=/']],
    ['Location', '/elsewhere'],
    ['Content-Location', '/page.en'],
    ['Content-Encoding', 'gzip'],
    ['Connection', 'close, X-Hop'],
    ['X-Hop', '1'],
    ['Transfer-Encoding', 'chunked'],
    ['Content-Length', '3'],
    ['Accept-Ranges', 'bytes'],
    ['Cache-Status', 'upstream; hit'],
    ['Server-Timing', 'db;dur=1'],
  ),
)

const status = fc.oneof(
  { weight: 6, arbitrary: fc.constant(200) },
  {
    weight: 3,
    arbitrary: fc.constantFrom(201, 203, 204, 206, 301, 302, 304, 308, 404, 410, 418, 500, 503),
  },
)
const reason = fc.option(fc.constantFrom('Fine', '', 'Caf\u00e9'), { nil: undefined, freq: 4 })

const chunk: fc.Arbitrary<Chunk> = fc.oneof(
  fc.record({
    text: fc.string({ unit: fc.constantFrom('a', 'ü', '世', '🦊', '0', 'f', '\n'), maxLength: 12 }),
    encoding: fc.constantFrom<BufferEncoding | undefined>(
      undefined,
      'utf8',
      'latin1',
      'utf16le',
      'ascii',
    ),
  }),
  fc
    .tuple(
      fc.array(fc.integer({ min: 0, max: 255 }), { maxLength: 9 }),
      fc.constantFrom('base64' as const, 'hex' as const, 'base64url' as const),
    )
    .map(([bytes, encoding]) => ({ text: Buffer.from(bytes).toString(encoding), encoding })),
  fc.record({
    bytes: fc.array(fc.integer({ min: 0, max: 255 }), { maxLength: 20 }),
    as: fc.constantFrom('Buffer' as const, 'Uint8Array' as const),
  }),
)

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc
      .tuple(fc.constantFrom('setHeader' as const, 'appendHeader' as const), field)
      .map(([act, [name, value]]) => ({ do: act, name, value })),
  },
  {
    weight: 2,
    arbitrary: field.map(([name]) => ({ do: 'removeHeader' as const, name })),
  },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('status' as const), status, message: reason }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('writeHead' as const),
      status,
      reason,
      form: fc.constantFrom('none' as const, 'object' as const, 'list' as const, 'pairs' as const),
      fields: fc.array(field, { maxLength: 4 }),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant('write' as const), chunk, calls: fc.boolean() }),
  },
  { weight: 2, arbitrary: fc.constant({ do: 'wait' as const }) },
  { weight: 1, arbitrary: fc.constant({ do: 'flushHeaders' as const }) },
  { weight: 1, arbitrary: fc.constant({ do: 'earlyHints' as const }) },
  {
    weight: 1,
    arbitrary: fc.constantFrom('1', 'two').map((value) => ({ do: 'trailers' as const, value })),
  },
  {
    weight: 1,
    arbitrary: fc.integer({ min: 0, max: 7 }).map((what) => ({ do: 'refused' as const, what })),
  },
)

export const program: fc.Arbitrary<Program> = fc
  .record({
    steps: fc.array(step, { maxLength: 9 }),
    end: fc.option(chunk, { nil: undefined }),
    calls: fc.boolean(),
  })
  .filter(({ steps }) => {
    const heads = steps.filter((each) => each.do === 'writeHead')
    // Node takes pairs only where no field was ever set, not even one of ours in a head that it refused.
    const setters = new Set(['setHeader', 'appendHeader', 'removeHeader', 'refused'])
    const isPaired = heads.some(({ form }) => form === 'pairs')
    return !isPaired || !steps.some((each) => setters.has(each.do))
  })

/** The program as a handler; `log` gets what each step came to. */
export function handlerOf({ steps, end, calls }: Program, log: string[]): Handler {
  return async (_, response) => {
    response.on('finish', () => log.push('finish'))
    for (const each of steps) {
      if (each.do === 'wait') await new Promise((resolve) => setImmediate(resolve))
      else attempt(log, () => take(each, response, log))
    }
    const done = calls ? [() => void log.push('ended')] : []
    attempt(log, () => {
      response.end(...(argumentsOf(end) as []), ...(done as []))
    })
    // A refused end must not leave the client waiting.
    if (!response.writableEnded) response.destroy()
  }
}

function attempt(log: string[], act: () => unknown): void {
  try {
    log.push(String(act()))
  } catch {
    log.push('refused')
  }
}

function take(step: Step, response: ServerResponse, log: string[]): unknown {
  switch (step.do) {
    case 'setHeader':
    case 'appendHeader':
      return response[step.do](step.name, copied(step.value)) === response
    case 'removeHeader':
      return response.removeHeader(step.name)
    case 'status':
      response.statusCode = step.status
      if (step.message !== undefined) response.statusMessage = step.message
      return 'status'
    case 'writeHead': {
      const { form } = step
      const fields = step.fields
        .filter(([, value]) => typeof value === 'string' || value.length > 0)
        .map(([name, value]) => [name.toLowerCase(), copied(value)] as const)
      const headers =
        form === 'none'
          ? []
          : form === 'object'
            ? [Object.fromEntries(fields)]
            : [form === 'list' ? fields.flat(1) : fields]
      const rest = step.reason === undefined ? headers : [step.reason, ...headers]
      return response.writeHead(step.status, ...(rest as [])) === response
    }
    case 'write':
      return response.write(
        ...(argumentsOf(step.chunk) as [string]),
        ...((step.calls ? [() => void log.push('written')] : []) as []),
      )
    case 'trailers':
      return response.addTrailers({ 'X-Sum': step.value })
    case 'flushHeaders':
      return response.flushHeaders()
    case 'earlyHints':
      // After the head they would be taken for a part of the body.
      if (response.headersSent) return 'late'
      return response.writeEarlyHints({ link: '</a.css>; rel=preload' })
    case 'refused':
      return refused[step.what]?.(response)
    case 'wait':
      return undefined
  }
}

// Node keeps the list it is given, and appends to it.
function copied(value: Value): Value {
  return typeof value === 'string' ? value : [...value]
}

/** What Node refuses with an error, before or after the head. */
const refused: readonly ((response: ServerResponse) => unknown)[] = [
  (response) => response.write(null),
  (response) => response.write(7),
  (response) => response.end({} as never),
  (response) => response.setHeader('bad name', '1'),
  (response) => response.setHeader('X-A', 'a\r\nb'),
  (response) => response.writeHead(99),
  (response) => response.writeHead(200, 'a\nb'),
  (response) => response.writeHead(200, { 'X-B': undefined }),
]

function argumentsOf(chunk: Chunk | undefined): unknown[] {
  if (chunk === undefined) return []
  if ('text' in chunk) {
    return chunk.encoding === undefined ? [chunk.text] : [chunk.text, chunk.encoding]
  }
  return [chunk.as === 'Buffer' ? Buffer.from(chunk.bytes) : Uint8Array.from(chunk.bytes)]
}
