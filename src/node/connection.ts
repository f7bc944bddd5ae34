import type { IncomingMessage, ServerResponse } from 'node:http'
import type { ServerHttp2Session } from 'node:http2'
import type { Socket } from 'node:net'
import { Mark } from './mark.ts'

type Streamed = IncomingMessage & {
  readonly stream?: { readonly session?: ServerHttp2Session | undefined }
}

/**
 * The connection that a request came on. Over HTTP/2 Node shows it behind a proxy for each request and each session, all
 * of which read from the one socket behind them; undefined when that has gone.
 */
export function connectionOf(message: Streamed): Socket | undefined {
  const { stream } = message
  if (stream === undefined) return message.socket
  const { session } = stream
  if (session === undefined || session.destroyed) return undefined
  // Of what the proxy lets through, this changes nothing and returns the socket itself.
  return session.socket.removeListener('cacheflow', () => undefined)
}

/** What listens at a server for its requests. */
export interface RequestEmitter {
  emit(event: 'request', message: IncomingMessage, response: ServerResponse): unknown
}

/** The server that a request came to; undefined where something else than a server has made it. */
export function serverOf(message: Streamed): RequestEmitter | undefined {
  const carrier: unknown = message.stream === undefined ? message.socket : message.stream.session
  const server: unknown =
    typeof carrier === 'object' && carrier !== null ? Reflect.get(carrier, 'server') : undefined
  return isEmitter(server) ? server : undefined
}

function isEmitter(given: unknown): given is RequestEmitter {
  return typeof given === 'object' && given !== null && 'emit' in given
}

const identified = new Mark<true>('identified')

/** Schemes that prove once for a connection who is at its other end: what follows carries no credentials (RFC 4559 §6). */
const ofConnections = /^(ntlm|negotiate)\b/i

/** Has this request, or one before it on its connection, said by such a scheme who comes here? */
export function isIdentified(message: Streamed, authorization: unknown): boolean {
  const carrier = message.stream?.session ?? message.socket
  if (typeof authorization === 'string' && ofConnections.test(authorization)) {
    identified.set(carrier, true)
  }
  return identified.get(carrier) === true
}
