import { IncomingMessage, ServerResponse } from 'node:http'
import { Duplex } from 'node:stream'
import type { IncomingRequest } from '../request/incoming-request.ts'
import { headerValue } from '../request/incoming-request.ts'
import type { RequestEmitter } from './connection.ts'

/** A connection to nobody: what is written is gone, and what is asked of it is answered like by a socket. */
class NullSocket extends Duplex {
  readonly remoteAddress: string
  readonly remotePort = 0
  readonly encrypted: boolean
  /** As on a socket that it has accepted. */
  readonly server: RequestEmitter | undefined

  constructor({ remoteAddress, origin, server }: InjectedRequest) {
    super()
    this.remoteAddress = remoteAddress
    this.encrypted = origin.startsWith('https:')
    this.server = server
  }

  override _read(): void {}

  override _write(_chunk: unknown, _encoding: string, callback: () => void): void {
    callback()
  }

  setTimeout(): this {
    return this
  }
  setNoDelay(): this {
    return this
  }
  setKeepAlive(): this {
    return this
  }
  ref(): this {
    return this
  }
  unref(): this {
    return this
  }
  address(): object {
    return {}
  }
}

/** Fields of the visitor's request that a background refresh must not carry (M-31). */
const personal: ReadonlySet<string> = new Set([
  'authorization',
  'cache-control',
  'connection',
  'content-length',
  'cookie',
  'expect',
  'if-modified-since',
  'if-none-match',
  'if-range',
  'keep-alive',
  'pragma',
  'proxy-authorization',
  'range',
  'te',
  'transfer-encoding',
  'upgrade',
])

/** A request and a response that no client waits for, so that the application can be asked again in the background. */
export interface Injection {
  readonly message: IncomingMessage
  readonly response: ServerResponse
}

/**
 * The request of a refresh: that of the visitor who found the response stale, without credentials and conditions. Of its
 * cookies only those remain that select the variant which is refreshed.
 */
export function injectionFor(
  request: IncomingRequest & { readonly server: RequestEmitter | undefined },
  target: string,
  credentials: ReadonlySet<string>,
  inputs: readonly string[],
): Injection {
  const headers: Record<string, string> = {}
  for (const name of Object.keys(request.headers)) {
    const value = headerValue(request.headers, name)
    if (value === undefined || personal.has(name) || credentials.has(name)) continue
    if (name.startsWith(':')) continue
    headers[name] = value
  }
  // HTTP/2 names the host in a pseudo-header, which HTTP/1.1 does not know.
  headers['host'] ??= request.origin.replace(/^https?:\/\//, '')
  const cookies = namedCookies(headerValue(request.headers, 'cookie') ?? '', inputs)
  if (cookies !== '') headers['cookie'] = cookies
  const { origin, remoteAddress, server } = request
  // HTTP/2 has no requests without a session: its pages are refreshed as HTTP/1.1.
  const isOld = request.httpVersion === '1.0'
  return inject({ target, origin, headers, remoteAddress, server, isOld })
}

/** What an injected request is made of. */
export interface InjectedRequest {
  readonly target: string
  /** Of which only the protocol counts: the host is in a field. */
  readonly origin: string
  readonly headers: Record<string, string>
  readonly remoteAddress: string
  /** The server that it is to come to. */
  readonly server: RequestEmitter | undefined
  /** HTTP/1.0. */
  readonly isOld: boolean
}

/** A GET that comes over a connection to nobody. */
export function inject(request: InjectedRequest): Injection {
  const { target, headers, isOld } = request
  const socket = new NullSocket(request)
  // IncomingMessage asks of a socket only what a Duplex has; its type names net.Socket.
  const message = new IncomingMessage(socket as never)
  message.httpVersion = isOld ? '1.0' : '1.1'
  message.httpVersionMajor = 1
  message.httpVersionMinor = isOld ? 0 : 1
  message.method = 'GET'
  message.url = target
  message.headers = headers
  message.rawHeaders = Object.entries(headers).flat()
  message.complete = true
  message.push(null)
  const response = new ServerResponse(message)
  response.assignSocket(socket as never)
  response.once('finish', () => socket.destroy())
  return { message, response }
}

function namedCookies(header: string, inputs: readonly string[]): string {
  const names = new Set(inputs.map((name) => /^cookie:(.*)$/s.exec(name)?.[1]))
  return header
    .split(';')
    .filter((pair) => names.has(pair.split('=', 1)[0]?.trim()))
    .map((pair) => pair.trim())
    .join('; ')
}
