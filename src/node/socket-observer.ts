import { inspect } from 'node:util'
import type { Observation } from '../flow/observation.ts'
import { inspectionDescriptor } from './inspection.ts'
import { isLoggerReading, isSocketReading, isTrustReading } from './reader.ts'

/** What of a connection tells one client from another: where it comes from, where it came in, who it proved to be. */
const addresses = ['remoteAddress', 'remoteFamily']
const identities = [
  'remotePort',
  'localAddress',
  'localPort',
  'address',
  '_getpeername',
  '_getsockname',
  'servername',
  'authorized',
  'authorizationError',
  'alpnProtocol',
  'exportKeyingMaterial',
  'getCipher',
  'getFinished',
  'getPeerCertificate',
  'getPeerFinished',
  'getPeerX509Certificate',
  'getProtocol',
  'getSession',
  'getSharedSigalgs',
  'getTLSTicket',
  'isSessionReused',
]

interface Watched {
  /** Those of the requests that are under way on this connection. */
  readonly observations: Set<Observation>
  /** What the connection itself holds, where it is no getter of its class. */
  readonly own: Map<string, PropertyDescriptor>
}

const watched = new WeakMap<object, Watched>()

/**
 * Notes what the application reads of the connection, on whatever way it reaches it (`req.socket`, `res.connection`). A
 * connection lives longer than a request, so every request under way on it is told.
 */
export function observeSocket(socket: object, observation: Observation): void {
  const standing = watched.get(socket)
  if (standing) {
    for (const other of standing.observations)
      if (other.isSealed) standing.observations.delete(other)
    standing.observations.add(observation)
    return
  }
  const own = new Map<string, PropertyDescriptor>()
  for (const name of [...addresses, ...identities]) {
    const property = Object.getOwnPropertyDescriptor(socket, name)
    if (property?.configurable === false) return
    if (property) own.set(name, property)
  }
  watched.set(socket, { observations: new Set([observation]), own })
  Object.defineProperties(socket, descriptors)
}

/** The peer's address; reading it here is not noted. */
export function addressOf(socket: { readonly remoteAddress?: string | undefined }): string {
  const address: unknown = watched.has(socket)
    ? valueOf(socket, 'remoteAddress')
    : socket.remoteAddress
  return typeof address === 'string' ? address : ''
}

function valueOf(socket: object, name: string): unknown {
  const own = watched.get(socket)?.own.get(name)
  if (own) return own.get ? own.get.call(socket) : own.value
  const parent: unknown = Object.getPrototypeOf(socket)
  return typeof parent === 'object' && parent !== null
    ? Reflect.get(parent, name, socket)
    : undefined
}

function descriptor(name: string, note: (observation: Observation) => void): PropertyDescriptor {
  const isAddress = addresses.includes(name)
  return {
    configurable: true,
    enumerable: false,
    get: function read(this: object): unknown {
      // Whom a framework asks whether it trusts the peer is in the key by the host and protocol that follow. A logger
      // is excused for the address alone: who proves to be somebody is let in by what comes of it.
      const isNoise = isAddress
        ? isLoggerReading(read) || isTrustReading(read)
        : isSocketReading(read)
      if (!isNoise) for (const each of watched.get(this)?.observations ?? []) note(each)
      return valueOf(this, name)
    },
    set(this: object, value: unknown): void {
      watched.get(this)?.own.set(name, { value, writable: true, configurable: true })
    },
  }
}

const descriptors: PropertyDescriptorMap = {
  [inspect.custom]: inspectionDescriptor((socket) => {
    for (const each of watched.get(socket)?.observations ?? [])
      each.connection('util.inspect(req.socket)')
  }),
}
for (const name of addresses) descriptors[name] = descriptor(name, (each) => each.address())
for (const name of identities) {
  descriptors[name] = descriptor(name, (each) => each.connection(`req.socket.${name}`))
}
