import type { IncomingMessage } from 'node:http'
import { aliasOrigin } from '../invalidation/origin-alias.ts'
import { serverOf } from './connection.ts'
import { isHttp1 } from './tracking/observer.ts'

/** The origin under which an application was first met on a port that the system chose. */
interface First {
  readonly origin: string
  server: object
}

const firsts = new WeakMap<object, Map<string, First>>()

interface Known {
  readonly application: object
  readonly origin: string
  readonly stored: string | undefined
}

/**
 * Looked up once for each connection, which stays with its server; and before the application's reads
 * of its socket are noted.
 */
const known = new WeakMap<object, Known>()

const loopbackHost = /^(https?:\/\/(?:localhost|127\.0\.0\.1|\[::1\])):(\d+)$/

/**
 * Test tools listen anew for each request, on a port that the system chooses: the port is no part of
 * what the application is. Requests to such a port have the origin of the application's first one, if
 * nobody listens there any more. The host that the application reads is then an input like others.
 *
 * @returns undefined where the origin of the request stands: any other host, a port that was asked
 *   for, or the port of another server that still listens
 */
export function loopbackOrigin(
  application: object,
  origin: string,
  message: IncomingMessage,
): string | undefined {
  const { socket } = message
  const last = known.get(socket)
  if (last?.origin === origin && last.application === application) return last.stored
  const stored = firstOrigin(application, origin, message)
  known.set(socket, { application, origin, stored })
  return stored
}

function firstOrigin(
  application: object,
  origin: string,
  message: IncomingMessage,
): string | undefined {
  const [, host, port] = loopbackHost.exec(origin) ?? []
  if (host === undefined || !isHttp1(message)) return undefined
  const { socket } = message
  const isOwn = Number(port) === socket.localPort
  if (!isOwn || !isLoopback(socket.localAddress) || !isLoopback(socket.remoteAddress))
    return undefined
  const server = serverOf(message)
  if (server === undefined || !isChosenBySystem(server)) return undefined
  const own = firsts.get(application) ?? new Map<string, First>()
  firsts.set(application, own)
  const first = own.get(host)
  if (first === undefined) {
    own.set(host, { origin, server })
    return origin
  }
  if (first.server !== server) {
    if (Reflect.get(first.server, 'listening') === true) return undefined
    first.server = server
  }
  aliasOrigin(origin, first.origin)
  return first.origin
}

function isLoopback(address: string | undefined): boolean {
  return address !== undefined && /^(?:::ffff:)?127\.|^::1$/.test(address)
}

/** Node keeps what listen() was asked for: `6::::0`, or `4:127.0.0.1:0`. */
function isChosenBySystem(server: object): boolean {
  return String(Reflect.get(server, '_connectionKey')).endsWith(':0')
}
