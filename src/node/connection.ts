import type { IncomingMessage, ServerResponse } from 'node:http'
import type { ServerHttp2Session } from 'node:http2'
import type { Socket } from 'node:net'
import { SymbolSlot } from './slot.ts'

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
  const passThrough: unknown =
    message.stream === undefined ? message.socket : message.stream.session
  const server: unknown =
    typeof passThrough === 'object' && passThrough !== null
      ? Reflect.get(passThrough, 'server')
      : undefined
  return isEmitter(server) ? server : undefined
}

function isEmitter(given: unknown): given is RequestEmitter {
  return typeof given === 'object' && given !== null && 'emit' in given
}

/** Connections whose client is known, and how many of its proofs are being looked at. */
const proved = new SymbolSlot<true>('proved')
const pending = new SymbolSlot<number>('pending')
const followed = new SymbolSlot<true>('followed')
/** Servers whose application asks for such proofs. */
const challenging = new SymbolSlot<true>('challenging')

/** Schemes that prove once for a connection who is at its other end: what follows carries no credentials (RFC 4559 §6). */
const ofConnections = /^(ntlm|negotiate)\b/i
const challenge = /\b(ntlm|negotiate)\b/i
const challengeLine = /^www-authenticate:.*\b(ntlm|negotiate)\b/im

/** Is it known, or being found out, by such a scheme who is at the other end of this connection? */
export function isIdentified(message: Streamed): boolean {
  const passThrough = carrierOf(message)
  return proved.get(passThrough) === true || (pending.get(passThrough) ?? 0) > 0
}

/**
 * Watches what becomes of a proof. Anybody can send one: it is believed where the application asks for such, and has not
 * refused it.
 */
export function followProof(
  message: Streamed,
  response: ServerResponse,
  authorization: unknown,
): void {
  if (typeof authorization !== 'string' || !ofConnections.test(authorization)) return
  if (followed.get(message)) return
  followed.set(message, true)
  const passThrough = carrierOf(message)
  const server = listenerOf(connectionOf(message) ?? passThrough)
  // Many clients' requests may be under way together on one connection of HTTP/2.
  const weight = message.stream === undefined ? 1 : 0
  pending.set(passThrough, (pending.get(passThrough) ?? 0) + weight)
  response.once('close', () => {
    pending.set(passThrough, (pending.get(passThrough) ?? weight) - weight)
    if (isRefused(response)) challenging.set(server, true)
    const isAsked = challenging.get(server) === true || isChallenging(response)
    if (isAsked && response.statusCode !== 401) proved.set(passThrough, true)
  })
}

/** The application has asked who is there. */
export function noteChallenge(connection: object, response: ServerResponse): void {
  if (isRefused(response)) challenging.set(listenerOf(connection), true)
}

function isRefused(response: ServerResponse): boolean {
  return response.statusCode === 401 && isChallenging(response)
}

function isChallenging(response: ServerResponse): boolean {
  const asked = response.getHeader('www-authenticate')
  if (asked !== undefined) return challenge.test(String(asked))
  // What writeHead() is given may go straight into the head.
  const head: unknown = Reflect.get(response, '_header')
  return typeof head === 'string' && challengeLine.test(head)
}

function carrierOf(message: Streamed): object {
  return message.stream?.session ?? message.socket
}

function listenerOf(connection: object): object {
  const server: unknown = Reflect.get(connection, 'server')
  return typeof server === 'object' && server !== null ? server : connection
}
