import type { AsyncLocalStorage } from 'node:async_hooks'
import { Console } from 'node:console'
import { IncomingMessage } from 'node:http'
import { Writable } from 'node:stream'
import { inspect } from 'node:util'
import v8 from 'node:v8'
import cookieParser from 'cookie-parser'
import type { Request } from 'express'
import type { Context } from 'koa'

/** What a piece of a page is given to look at. */
export interface Sight {
  readonly raw: IncomingMessage
  readonly express?: Request
  readonly koa?: Context
  /** `res.locals` or `ctx.state`. */
  readonly local: Record<string, unknown>
  /** What middleware has put into the context of this request. */
  readonly als: AsyncLocalStorage<unknown>
}

export type Way = (sight: Sight) => unknown
export type Ways = Readonly<Record<string, Way>>

/** The key that cookie-parser and the sessions of the site sign with. */
export const secret = 'a key for tests'

/** The headers that programs look for. */
export const fields = [
  'x-tenant',
  'accept',
  'accept-language',
  'cookie',
  'authorization',
  'host',
  'x-api-key',
  'x-user',
  'x-forwarded-host',
  'x-forwarded-for',
  'x-request-id',
  'traceparent',
  'baggage',
  'range',
  'cache-control',
  'pragma',
  'te',
  'if-range',
  'keep-alive',
  'x-amzn-trace-id',
] as const
export type Field = (typeof fields)[number]

const ownSlot = Object.getOwnPropertySymbols(new IncomingMessage(undefined as never)).find(
  (symbol) => String(symbol) === 'Symbol(kHeaders)',
)
const prototypeGetter = Object.getOwnPropertyDescriptor(IncomingMessage.prototype, 'headers')?.get

const heir = {
  look(): unknown {
    return super.headers
  },
}
Object.setPrototypeOf(heir, IncomingMessage.prototype)

/** By these ways every field of `fields` is looked at. */
const byField: Readonly<Record<string, (sight: Sight, field: Field) => unknown>> = {
  'headers[]': ({ raw }, field) => raw.headers[field],
  'Reflect.get': ({ raw }, field) => Reflect.get(raw.headers, field) as unknown,
  destructured: ({ raw }, field) => {
    const { [field]: value } = raw.headers
    return value
  },
  spread: ({ raw }, field) => ({ ...raw.headers })[field],
  'Object.assign': ({ raw }, field) => Object.assign({ a: 1 }, raw.headers)[field],
  'Object.entries': ({ raw }, field) =>
    Object.entries(raw.headers).find(([name]) => name === field)?.[1],
  // Without conditions: the cache sets one of its own where it validates.
  'Object.values': ({ raw }) =>
    Object.values(raw.headers).filter((value) => !/^(W\/)?"|GMT$/.test(String(value))).length,
  'for-in': ({ raw }, field) => {
    for (const name in raw.headers) if (name === field) return raw.headers[name]
    return undefined
  },
  'new Headers(entries)': ({ raw }, field) =>
    new Headers(Object.entries(raw.headers) as [string, string][]).get(field),
  'new Headers(pairs)': ({ raw }, field) => {
    const pairs: [string, string][] = []
    for (let i = 0; i < raw.rawHeaders.length; i += 2) {
      pairs.push([raw.rawHeaders[i] ?? '', raw.rawHeaders[i + 1] ?? ''])
    }
    return new Headers(pairs).get(field)
  },
  'new Map(entries)': ({ raw }, field) => new Map(Object.entries(raw.headers)).get(field),
  rawHeaders: ({ raw }, field) =>
    raw.rawHeaders.find((_, i) => i % 2 === 1 && raw.rawHeaders[i - 1]?.toLowerCase() === field),
  'rawHeaders.join': ({ raw }, field) =>
    new RegExp(`(?:^|\n)${field}\n([^\n]*)`, 'i').exec(raw.rawHeaders.join('\n'))?.[1],
  headersDistinct: ({ raw }, field) => raw.headersDistinct[field],
  'headersDistinct spread': ({ raw }, field) => ({ ...raw.headersDistinct })[field],
  'prototype getter': ({ raw }, field) =>
    (prototypeGetter?.call(raw) as Record<string, unknown> | undefined)?.[field],
  'super.headers': ({ raw }, field) =>
    (heir.look.call(raw as never) as Record<string, unknown>)[field],
  'own slot': ({ raw }, field) =>
    ownSlot === undefined || prototypeGetter === undefined
      ? undefined
      : (Reflect.get(raw, ownSlot) as Record<string, unknown> | undefined)?.[field],
  'Object.create': ({ raw }, field) => (Object.create(raw) as IncomingMessage).headers[field],
  'JSON.stringify': ({ raw }, field) =>
    (JSON.parse(JSON.stringify(raw.headers)) as Record<string, unknown>)[field],
  structuredClone: ({ raw }, field) => structuredClone(raw.headers)[field],
  'v8.serialize': ({ raw }, field) =>
    (v8.deserialize(v8.serialize(raw.headers)) as Record<string, unknown>)[field],
  inspect: ({ raw }, field) => shownIn(inspect(raw.headers, long), field),
  'inspect of the request': ({ raw }, field) => shownIn(inspect(raw, long), field),
  'inspect, not customised': ({ raw }, field) =>
    shownIn(inspect(raw.headers, { ...long, customInspect: false }), field),
  'console.dir': ({ raw }, field) => {
    let text = ''
    const sink = new Writable({
      write(chunk, _coding, done) {
        text += String(chunk)
        done()
      },
    })
    new Console({ stdout: sink, inspectOptions: long }).dir(raw.headers)
    return shownIn(text, field)
  },
  in: ({ raw }, field) => field in raw.headers,
  'Object.hasOwn': ({ raw }, field) => Object.hasOwn(raw.headers, field),
  'Object.keys': ({ raw }, field) => Object.keys(raw.headers).includes(field),
  'Reflect.ownKeys': ({ raw }, field) => Reflect.ownKeys(raw.headers).includes(field),
  'property descriptor': ({ raw }, field) =>
    Object.getOwnPropertyDescriptor(raw.headers, field)?.value as unknown,
  'property descriptors': ({ raw }, field) =>
    Object.getOwnPropertyDescriptors(raw.headers)[field]?.value as unknown,
  bound: ({ raw }, field) => {
    const look = function (this: IncomingMessage): unknown {
      return this.headers[field]
    }
    return look.call(raw)
  },
}

const long = { depth: 6, maxStringLength: null, maxArrayLength: null, breakLength: 10_000 } as const

function shownIn(text: string, field: string): string | undefined {
  return new RegExp(`'?\\b${field}'?: '([^']*)'`).exec(text)?.[1]
}

/** Asked of the request itself, in every framework. */
const ofAll: Ways = {
  url: ({ raw }) => raw.url,
  'query by URL': ({ raw }) => new URL(raw.url ?? '', 'http://x').searchParams.get('q'),
  'URL with host': ({ raw }) => new URL(raw.url ?? '', `http://${raw.headers.host}`).href,
  'remote address': ({ raw }) => raw.socket.remoteAddress,
  'connection address': ({ raw }) =>
    (Reflect.get(raw, 'connection') as { remoteAddress?: string }).remoteAddress,
  'handle address': ({ raw }) => {
    const handle = Reflect.get(raw.socket, '_handle') as { getpeername(out: object): void } | null
    const out: { address?: string } = {}
    handle?.getpeername(out)
    return out.address
  },
  als: ({ als }) => als.getStore(),
  'local, said before': ({ local }) => local['said'],
  'cookie by hand': ({ raw }) => /theme=(\w+)/.exec(raw.headers.cookie ?? '')?.[1],
  'user in': ({ express, koa }) => 'user' in (express ?? koa?.state ?? {}),
}

const ofExpress: Ways = {
  ...all('req.get', ({ express }, field) => express?.get(field)),
  ...all('req.header', ({ express }, field) => express?.header(field)),
  originalUrl: ({ express }) => express?.originalUrl,
  path: ({ express }) => express?.path,
  'query.q': ({ express }) => express?.query['q'],
  query: ({ express }) => express?.query,
  'query.utm_source': ({ express }) => express?.query['utm_source'],
  params: ({ express }) => express?.params,
  parsedUrl: ({ express }) =>
    (Reflect.get(express ?? {}, '_parsedUrl') as { href?: string } | undefined)?.href,
  hostname: ({ express }) => express?.hostname,
  subdomains: ({ express }) => express?.subdomains,
  protocol: ({ express }) => express?.protocol,
  ip: ({ express }) => express?.ip,
  ips: ({ express }) => express?.ips,
  xhr: ({ express }) => express?.xhr,
  accepts: ({ express }) => express?.accepts(['json', 'html']),
  acceptsLanguages: ({ express }) => express?.acceptsLanguages('de', 'en'),
  acceptsEncodings: ({ express }) => express?.acceptsEncodings('gzip'),
  is: ({ express }) => express?.is('json'),
  range: ({ express }) => express?.range(100),
  'cookies.theme': ({ express }) => jar(express)?.['theme'],
  'cookies spread': ({ express }) => ({ ...jar(express) })['theme'],
  'cookies by JSON': ({ express }) => JSON.stringify(jar(express) ?? null).includes('dark'),
  'cookies in': ({ express }) => 'theme' in (jar(express) ?? {}),
  signedCookies: ({ express }) => Object.entries((express?.signedCookies ?? {}) as object),
  'signedCookies by hand': ({ express }) => cookieParser.signedCookies(jar(express) ?? {}, secret),
  'cookie-parser on a box': ({ raw }) => {
    const box = { headers: raw.headers } as unknown as Request
    cookieParser()(box, {} as never, () => undefined)
    return jar(box)?.['theme']
  },
  'session.user': ({ express }) => session(express)?.['user'],
  'session by JSON': ({ express }) => JSON.stringify(session(express) ?? null).includes('alice'),
  'session keys': ({ express }) => Object.keys(session(express) ?? {}),
  'session inspected': ({ express }) => inspect(session(express)).includes('alice'),
  user: ({ express }) => Reflect.get(express ?? {}, 'user') as unknown,
  "morgan's address": ({ express }) => Reflect.get(express ?? {}, '_remoteAddress') as unknown,
}

const ofKoa: Ways = {
  ...all('ctx.get', ({ koa }, field) => koa?.get(field)),
  ...all('ctx.header', ({ koa }, field) => koa?.header[field]),
  ...all('ctx.request.header', ({ koa }, field) => koa?.request.header[field]),
  ...all('ctx.toJSON', ({ koa }, field) => {
    const json = koa?.toJSON() as { request: { header: Record<string, unknown> } } | undefined
    return json?.request.header[field]
  }),
  ...all('ctx inspected', ({ koa }, field) => shownIn(inspect(koa?.request, long), field)),
  'ctx.url': ({ koa }) => koa?.url,
  'ctx.originalUrl': ({ koa }) => koa?.originalUrl,
  'ctx.path': ({ koa }) => koa?.path,
  'ctx.query.q': ({ koa }) => koa?.query['q'],
  'ctx.querystring': ({ koa }) => koa?.querystring,
  'ctx.search': ({ koa }) => koa?.search,
  'ctx.host': ({ koa }) => koa?.host,
  'ctx.hostname': ({ koa }) => koa?.hostname,
  'ctx.origin': ({ koa }) => koa?.origin,
  'ctx.href': ({ koa }) => koa?.href,
  'ctx.URL': ({ koa }) => koa?.URL.href,
  'ctx.subdomains': ({ koa }) => koa?.subdomains,
  'ctx.protocol': ({ koa }) => koa?.protocol,
  'ctx.ip': ({ koa }) => koa?.ip,
  'ctx.ips': ({ koa }) => koa?.ips,
  'ctx.accepts': ({ koa }) => koa?.accepts('json', 'html'),
  'ctx.acceptsLanguages': ({ koa }) => koa?.acceptsLanguages('de', 'en'),
  'ctx.acceptsEncodings': ({ koa }) => koa?.acceptsEncodings('gzip'),
  'ctx.is': ({ koa }) => koa?.is('json'),
  'ctx.cookies.get': ({ koa }) => koa?.cookies.get('theme'),
  'ctx.cookies.get, unsigned': ({ koa }) => koa?.cookies.get('theme', { signed: false }),
  'another jar': ({ koa }) => {
    const Jar = koa?.cookies.constructor as
      | (new (request: unknown, response: unknown) => { get(name: string): unknown })
      | undefined
    return Jar && koa && new Jar(koa.req, koa.res).get('theme')
  },
  'ctx.session.user': ({ koa }) => (koa?.['session'] as { user?: string } | undefined)?.user,
  'ctx.session by JSON': ({ koa }) =>
    JSON.stringify((koa?.['session'] as object | undefined) ?? null).includes('alice'),
  'ctx.state.user': ({ koa }) => koa?.state['user'] as unknown,
  "the store's side": ({ koa }) => koa?.state['fromStore'] as unknown,
}

/** What shrinking ends at wherever it does not matter what is looked at. */
export const nothing = 'nothing'
const first: Ways = { [nothing]: () => 'nothing' }

export const expressWays: Ways = { ...first, ...expanded(), ...ofAll, ...ofExpress }
export const koaWays: Ways = { ...first, ...expanded(), ...ofAll, ...ofKoa }

function expanded(): Ways {
  return Object.assign({}, ...Object.entries(byField).map(([by, look]) => all(by, look))) as Ways
}

function all(by: string, look: (sight: Sight, field: Field) => unknown): Ways {
  return Object.fromEntries(
    fields.map((field) => [`${by} ${field}`, (sight: Sight) => look(sight, field)]),
  )
}

function jar(request: Request | undefined): Record<string, string> | undefined {
  return request?.cookies as Record<string, string> | undefined
}

function session(request: Request | undefined): Record<string, unknown> | undefined {
  return Reflect.get(request ?? {}, 'session') as Record<string, unknown> | undefined
}

/** The kind of a way: all fields of a kind that are read by one way are one fault at most. */
export function kindOf(way: string): string {
  const field = fields.find((each) => way.endsWith(` ${each}`))
  if (field === undefined) return way
  // Neither can copy a Proxy, whatever it holds.
  if (/^(structuredClone|v8)/.test(way)) return 'a copy'
  if (fields.indexOf(field) >= fields.indexOf('x-request-id')) return 'noise'
  const kind = /^(cookie|authorization|x-api-key)$/.test(field)
    ? 'credentials'
    : field === 'host'
      ? 'the host'
      : 'a field'
  return `${way.slice(0, -field.length)}${kind}`
}

/** What a look saw, as text. Functions too: `headers.constructor` is one where no such field came. */
export function seen(way: Way | undefined, sight: Sight): string {
  try {
    const value = way?.(sight)
    return typeof value === 'function' ? 'a function' : (JSON.stringify(value) ?? 'nothing')
  } catch (error) {
    return `threw ${error instanceof Error ? error.name : 'something'}`
  }
}
