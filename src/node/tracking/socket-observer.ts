import type { IncomingMessage, ServerResponse } from 'node:http'
import { inspect } from 'node:util'
import type { ReadTracker } from '../../request/read-tracker.ts'
import { noteChallenge } from '../connection.ts'
import { inspectionDescriptor } from './inspection.ts'
import type { Observed } from './observed.ts'
import { isSocketReading, isTrustReading } from './reader.ts'

/** What of a connection tells one client from another: where it comes from, where it came in, who it proved to be. */
const addresses = ['remoteAddress', 'remoteFamily']
const identities = [
  'remotePort',
  'localAddress',
  'localPort',
  'address',
  '_getpeername',
  '_getsockname',
  // Where Node keeps what it was told.
  '_peername',
  '_sockname',
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

/** A request on its way over the connection. */
interface Passenger {
  readonly observation: ReadTracker
  readonly state: Observed
  readonly message: IncomingMessage
  readonly response: ServerResponse
}

interface Watched {
  readonly passengers: Set<Passenger>
  /** What the connection itself holds, where it is no getter of its class. */
  readonly own: Map<string, PropertyDescriptor>
}

const watched = new WeakMap<object, Watched>()

/**
 * Notes what the application reads of the connection, on whatever way it reaches it (`req.socket`, `res.connection`). A
 * connection lives longer than a request, so every request under way on it is told; those that are over leave with the next.
 */
export function observeSocket(socket: object, passenger: Passenger): void {
  const existing = watched.get(socket)
  if (existing) {
    for (const other of existing.passengers) {
      if (!isOver(other)) continue
      noteChallenge(socket, other.response)
      existing.passengers.delete(other)
    }
    existing.passengers.add(passenger)
    return
  }
  const own = new Map<string, PropertyDescriptor>()
  for (const name of [...addresses, ...identities]) {
    const property = Object.getOwnPropertyDescriptor(socket, name)
    if (property?.configurable === false) return
    if (property) own.set(name, property)
  }
  watched.set(socket, { passengers: new Set([passenger]), own })
  Object.defineProperties(socket, descriptors)
  observeHandles(socket)
}

function isOver({ observation, message, response }: Passenger): boolean {
  if (observation.isSealed || response.destroyed || response.writableFinished) return true
  return 'stream' in message && Reflect.get(message.stream as object, 'destroyed') === true
}

/** What the system itself tells of a connection, behind Node's socket. */
function observeHandles(socket: object): void {
  let handle: unknown = Reflect.get(socket, '_handle')
  while (typeof handle === 'object' && handle !== null) {
    for (const name of ['getpeername', 'getsockname']) {
      const ask: unknown = Reflect.get(handle, name)
      if (typeof ask !== 'function' || !Object.isExtensible(handle)) continue
      const read = function (this: object, ...given: unknown[]): unknown {
        if (depth === 0 && !isSocketReading(read)) {
          tell(socket, (each) => each.connection(`${name}()`))
        }
        return Reflect.apply(ask, this, given) as unknown
      }
      Object.defineProperty(handle, name, {
        configurable: true,
        enumerable: false,
        writable: true,
        value: read,
      })
    }
    handle = Reflect.get(handle, '_parent')
  }
}

function tell(socket: object, note: (observation: ReadTracker) => void): void {
  for (const { observation } of watched.get(socket)?.passengers ?? []) note(observation)
}

/** The peer's address; reading it here is not noted. */
export function addressOf(socket: { readonly remoteAddress?: string | undefined }): string {
  const address: unknown = watched.has(socket)
    ? valueOf(socket, 'remoteAddress')
    : socket.remoteAddress
  return typeof address === 'string' ? address : ''
}

/** How deep within such a property Node is: it asks itself for others. */
let depth = 0

function valueOf(socket: object, name: string): unknown {
  depth++
  try {
    const own = watched.get(socket)?.own.get(name)
    if (own) return own.get ? own.get.call(socket) : own.value
    const parent = Object.getPrototypeOf(socket) as object
    return Reflect.get(parent, name, socket)
  } finally {
    depth--
  }
}

function descriptor(name: string): PropertyDescriptor {
  const isAddress = addresses.includes(name)
  return {
    configurable: true,
    enumerable: false,
    get: function read(this: object): unknown {
      if (depth > 0) return valueOf(this, name)
      if (isAddress) noteAddress(this, read)
      else if (!isSocketReading(read)) {
        tell(this, (each) => each.connection(`req.socket.${name}`))
      }
      return valueOf(this, name)
    },
    set(this: object, value: unknown): void {
      watched.get(this)?.own.set(name, { value, writable: true, configurable: true })
    },
  }
}

/**
 * Whom a framework asks whether it trusts the peer is in the key by the host and protocol that follow. A logger is excused for
 * the address alone: who proves to be somebody is let in by what comes of it.
 */
function noteAddress(socket: object, below: () => unknown): void {
  for (const { observation, state } of watched.get(socket)?.passengers ?? []) {
    if (!observation.isSealed && isTrustReading(state.readers, below)) continue
    const read = (): void => observation.address()
    if (!state.errand.excusesLogger(state.readers, observation, 'address', below, read)) read()
  }
}

const descriptors: PropertyDescriptorMap = {
  [inspect.custom]: inspectionDescriptor((socket) => {
    tell(socket, (each) => each.connection('util.inspect(req.socket)'))
  }),
}
for (const name of [...addresses, ...identities]) descriptors[name] = descriptor(name)
