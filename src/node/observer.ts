import type { IncomingMessage } from 'node:http'
import { inspect } from 'node:util'
import type { Observation } from '../flow/observation.ts'
import type { RequestHeaders } from '../http/header-fields.ts'
import { connectionOf } from './connection.ts'
import { HeaderObserver } from './header-observer.ts'
import { inspectionDescriptor } from './inspection.ts'
import { JarObserver } from './jar-observer.ts'
import { Mark } from './mark.ts'
import { isCarrierReading, isFramingReading } from './reader.ts'
import { observeSocket } from './socket-observer.ts'

/** What an observed request keeps beside itself. */
interface Observed {
  observation: Observation | undefined
  /** The headers as they arrived: what look-up and storing go by, whatever the application makes of its own. */
  readonly original: RequestHeaders
  /** A copy, for the application to read and to change. */
  readonly own: Record<string, unknown>
  /** That copy behind its observer, or what the application has put in its place. */
  headers: object
  /** What the copy had under the names that are overridden. */
  readonly hidden: Map<string, unknown>
  readonly raw: string[]
  /** The properties that ours stand before, as others have set them. */
  readonly properties: Map<string, PropertyDescriptor>
  readonly jars: WeakMap<object, object>
}

const observed = new Mark<Observed>('observed')

type Overrides = Readonly<Record<string, string | undefined>>

/**
 * Hands the application its request through an observer: reads of headers, cookies by name, session, user and connection
 * are noted, and conditions that the cache answers itself are hidden. Hits never come here.
 */
export function observe(
  request: IncomingMessage,
  observation: Observation | undefined,
  overrides: Overrides | undefined,
): void {
  if (observation === undefined && overrides === undefined) return
  const state = observed.get(request) ?? begin(request)
  if (observation !== undefined && state.observation !== observation) {
    // Two caches, each with an eye of its own: what one notes the other must hear of.
    if (state.observation) state.observation.relayTo(observation)
    else witness(request, state, observation)
  }
  for (const [name, value] of Object.entries(overrides ?? {})) {
    if (!state.hidden.has(name)) state.hidden.set(name, state.own[name])
    put(state.own, name, value)
  }
}

/** Shows the application its conditions again, where it turns out that the cache will not answer them. */
export function reveal(request: IncomingMessage): void {
  const state = observed.get(request)
  if (!state) return
  for (const [name, value] of state.hidden) put(state.own, name, value)
  state.hidden.clear()
}

function put(headers: Record<string, unknown>, name: string, value: unknown): void {
  if (value === undefined) delete headers[name]
  else headers[name] = value
}

function begin(request: IncomingMessage): Observed {
  const { headers: original, rawHeaders: raw } = request
  const own = Object.assign(Object.create(parentOf(original)) as Record<string, unknown>, original)
  const state: Observed = {
    observation: undefined,
    original,
    own,
    headers: own,
    hidden: new Map(),
    raw,
    properties: new Map(),
    jars: new WeakMap(),
  }
  observed.set(request, state)
  Object.defineProperty(request, 'headers', descriptors.headers)
  return state
}

function witness(request: IncomingMessage, state: Observed, observation: Observation): void {
  state.observation = observation
  state.headers = HeaderObserver.proxy(state.headers, observation)
  for (const name of [...ofOthers, ...versions]) {
    const standing = Object.getOwnPropertyDescriptor(request, name)
    if (standing) state.properties.set(name, standing)
  }
  Object.defineProperties(request, descriptors)
  if ('stream' in request) Object.defineProperties(request, pseudoDescriptors)
  const connection = connectionOf(request)
  if (connection) observeSocket(connection, observation)
}

/** The headers of a request as they arrived; reading them here is not noted. */
export function originalHeaders(request: IncomingMessage): RequestHeaders {
  return observed.get(request)?.original ?? request.headers
}

/** Does it speak HTTP/1.x? Asking here is not noted. */
export function isHttp1(request: IncomingMessage): boolean {
  return observed.get(request)
    ? valueOf(request, 'httpVersionMajor') === 1
    : request.httpVersionMajor === 1
}

/** The version of HTTP that the client speaks; asking here is not noted. */
export function httpVersionOf(request: IncomingMessage): string {
  return String(observed.get(request) ? valueOf(request, 'httpVersion') : request.httpVersion)
}

/** The value another middleware gave to a property that ours stands before, else the one that the request inherits. */
function valueOf(request: object, name: string): unknown {
  const property = observed.get(request)?.properties.get(name)
  if (property) return property.get ? property.get.call(request) : property.value
  const parent = parentOf(request)
  return parent === null ? undefined : Reflect.get(parent, name, request)
}

function assign(request: object, name: string, value: unknown): void {
  const properties = observed.get(request)?.properties
  const setter = (properties?.get(name) ?? inherited(request, name))?.set
  if (setter) setter.call(request, value)
  else properties?.set(name, { value })
}

/** What an application has put on `app.request` for all its requests; looked for late, as Express sets it late. */
function inherited(request: object, name: string): PropertyDescriptor | undefined {
  for (let at = parentOf(request); at !== null; at = parentOf(at)) {
    const property = Object.getOwnPropertyDescriptor(at, name)
    if (property) return property
  }
  return undefined
}

function parentOf(object: object): object | null {
  return Object.getPrototypeOf(object) as object | null
}

function jarDescriptor(name: 'cookies' | 'signedCookies'): PropertyDescriptor {
  return {
    configurable: true,
    enumerable: true,
    get(this: object): unknown {
      const state = observed.get(this)
      const jar = valueOf(this, name)
      if (!state?.observation || typeof jar !== 'object' || jar === null) return jar
      const known = state.jars.get(jar)
      if (known) return known
      const proxy = JarObserver.proxy(jar, state.observation)
      state.jars.set(jar, proxy)
      // cookie-parser gives back the jar that it was given, and that is observed already.
      state.jars.set(proxy, proxy)
      return proxy
    },
    set(this: object, value: unknown): void {
      assign(this, name, value)
    },
  }
}

function privateDescriptor(name: string, note: 'session' | 'user'): PropertyDescriptor {
  return {
    configurable: true,
    enumerable: true,
    get: function read(this: object): unknown {
      const state = observed.get(this)
      if (state?.observation && !isCarrierReading(read)) state.observation[note]()
      return valueOf(this, name)
    },
    set(this: object, value: unknown): void {
      assign(this, name, value)
    },
  }
}

function versionDescriptor(name: string): PropertyDescriptor {
  return {
    configurable: true,
    enumerable: true,
    get: function read(this: object): unknown {
      const state = observed.get(this)
      const observation = state?.observation
      // Who reads is a question to the stack, and frameworks ask for the version all the time.
      if (observation?.heedsVersion === true && !isFramingReading(read)) observation.version()
      return valueOf(this, name)
    },
    set(this: object, value: unknown): void {
      assign(this, name, value)
    },
  }
}

/** Properties that middleware sets, and those that Node does: each has its own before ours stands there. */
const ofOthers = ['cookies', 'signedCookies', 'session', 'sessionID', 'user'] as const
const versions = ['httpVersion', 'httpVersionMajor', 'httpVersionMinor'] as const

/** Pseudo-fields of HTTP/2 are among its headers, and told beside them. */
function pseudoDescriptor(name: 'scheme' | 'authority'): PropertyDescriptor {
  return {
    configurable: true,
    enumerable: true,
    get(this: object): unknown {
      const value = valueOf(this, name)
      observed.get(this)?.observation?.header(`:${name}`, undefined)
      return value
    },
    set(this: object, value: unknown): void {
      assign(this, name, value)
    },
  }
}

const pseudoDescriptors = {
  scheme: pseudoDescriptor('scheme'),
  authority: pseudoDescriptor('authority'),
} satisfies PropertyDescriptorMap

/** Node keeps the headers on the request beside their getter, where printing it shows them. */
const inspection = inspectionDescriptor((request) => {
  observed.get(request)?.observation?.allHeaders('util.inspect(req)')
})

const descriptors = {
  [inspect.custom]: inspection,
  headers: {
    configurable: true,
    enumerable: true,
    get(this: object): object | undefined {
      return observed.get(this)?.headers
    },
    set(this: object, value: object): void {
      const state = observed.get(this)
      if (state) state.headers = value
    },
  },
  rawHeaders: {
    configurable: true,
    enumerable: true,
    get(this: object): string[] {
      const state = observed.get(this)
      state?.observation?.allHeaders('req.rawHeaders')
      return state?.raw ?? []
    },
  },
  headersDistinct: {
    configurable: true,
    enumerable: true,
    get(this: object): Record<string, string[]> {
      const state = observed.get(this)
      state?.observation?.allHeaders('req.headersDistinct')
      const distinct = Object.create(null) as Record<string, string[]>
      const raw = state?.raw ?? []
      for (let i = 0; i + 1 < raw.length; i += 2) {
        const name = (raw[i] ?? '').toLowerCase()
        distinct[name] = [...(distinct[name] ?? []), raw[i + 1] ?? '']
      }
      return distinct
    },
  },
  cookies: jarDescriptor('cookies'),
  signedCookies: jarDescriptor('signedCookies'),
  session: privateDescriptor('session', 'session'),
  // express-session tells it to everybody, also where the session itself is never asked for.
  sessionID: privateDescriptor('sessionID', 'session'),
  user: privateDescriptor('user', 'user'),
  httpVersion: versionDescriptor('httpVersion'),
  httpVersionMajor: versionDescriptor('httpVersionMajor'),
  httpVersionMinor: versionDescriptor('httpVersionMinor'),
} satisfies PropertyDescriptorMap
