import type { IncomingMessage } from 'node:http'
import type { Observation } from '../flow/observation.ts'
import type { RequestHeaders } from '../http/header-fields.ts'
import { Mark } from './mark.ts'
import { isCarrierReading } from './reader.ts'

/** What an observed request keeps beside itself. */
interface Observed {
  readonly observation: Observation | undefined
  /** The headers as they arrived. */
  readonly original: RequestHeaders
  /** The headers as the application sees them. */
  headers: object
  readonly raw: string[]
  /** The properties that ours stand before, as others have set them. */
  readonly properties: Map<string, PropertyDescriptor>
  readonly jars: WeakMap<object, object>
}

const observed = new Mark<Observed>('observed')

type Overrides = Readonly<Record<string, string | undefined>>

/**
 * Hands the application its request through an observer: reads of headers, cookies by name, session and user are noted,
 * and conditions that the cache answers itself are hidden. Hits never come here.
 */
export function observe(
  request: IncomingMessage,
  observation: Observation | undefined,
  overrides: Overrides | undefined,
): void {
  const earlier = observed.get(request)
  if (earlier) {
    // Two caches watch one request: the answer may come from either.
    if (observation) earlier.observation?.relayTo(observation)
    if (overrides) earlier.headers = view(earlier.original, earlier.observation, overrides)
    return
  }
  if (observation === undefined && overrides === undefined) return
  const { headers: original, rawHeaders: raw } = request
  const headers = view(original, observation, overrides)
  const properties = new Map<string, PropertyDescriptor>()
  observed.set(request, { observation, original, headers, raw, properties, jars: new WeakMap() })
  if (observation === undefined) {
    Object.defineProperty(request, 'headers', descriptors.headers)
    return
  }
  for (const name of ['cookies', 'signedCookies', 'session', 'user']) {
    const standing = Object.getOwnPropertyDescriptor(request, name)
    if (standing) properties.set(name, standing)
  }
  Object.defineProperties(request, descriptors)
}

/** Shows the application its conditions again, where it turns out that the cache will not answer them. */
export function reveal(request: IncomingMessage): void {
  const state = observed.get(request)
  if (state) state.headers = view(state.original, state.observation, undefined)
}

/** The headers of a request as they arrived; reading them here is not noted. */
export function originalHeaders(request: IncomingMessage): RequestHeaders {
  return observed.get(request)?.original ?? request.headers
}

/** The header object as the application sees it. */
function view(
  headers: object,
  observation: Observation | undefined,
  overrides: Overrides | undefined,
): object {
  const own = overrides === undefined ? headers : overridden(headers, overrides)
  return observation === undefined ? own : new Proxy(own, new HeaderObserver(observation))
}

function overridden(headers: object, overrides: Overrides): object {
  const copy: Record<string, unknown> = Object.assign(Object.create(null), headers)
  for (const [name, value] of Object.entries(overrides)) {
    if (value === undefined) delete copy[name]
    else copy[name] = value
  }
  return copy
}

class HeaderObserver implements ProxyHandler<object> {
  readonly #observation: Observation

  constructor(observation: Observation) {
    this.#observation = observation
  }

  get(headers: object, name: string | symbol): unknown {
    const value: unknown = Reflect.get(headers, name)
    if (typeof name === 'string' && !(name in Object.prototype)) {
      this.#note(name, value as string | string[] | undefined, HeaderObserver.prototype.get)
    }
    return value
  }

  has(headers: object, name: string | symbol): boolean {
    if (typeof name === 'string') {
      const value: unknown = Reflect.get(headers, name)
      this.#note(name, value as string | string[] | undefined, HeaderObserver.prototype.has)
    }
    return Reflect.has(headers, name)
  }

  ownKeys(headers: object): (string | symbol)[] {
    this.#observation.allHeaders('all request headers')
    return Reflect.ownKeys(headers)
  }

  getOwnPropertyDescriptor(headers: object, name: string | symbol): PropertyDescriptor | undefined {
    if (typeof name === 'string') {
      const value: unknown = Reflect.get(headers, name)
      this.#note(
        name,
        value as string | undefined,
        HeaderObserver.prototype.getOwnPropertyDescriptor,
      )
    }
    return Reflect.getOwnPropertyDescriptor(headers, name)
  }

  #note(
    name: string,
    value: string | string[] | undefined,
    below: (...args: never[]) => unknown,
  ): void {
    if (name === 'cookie' && isCarrierReading(below)) return
    this.#observation.header(name, value)
  }
}

/** A parsed cookie jar: single names are noted one by one, an enumeration as the whole header. */
class JarObserver implements ProxyHandler<object> {
  readonly #observation: Observation

  constructor(observation: Observation) {
    this.#observation = observation
  }

  get(jar: object, name: string | symbol): unknown {
    if (typeof name === 'string' && !isCarrierReading(JarObserver.prototype.get)) {
      this.#observation.cookie(name)
    }
    return Reflect.get(jar, name)
  }

  has(jar: object, name: string | symbol): boolean {
    if (typeof name === 'string') this.#observation.cookie(name)
    return Reflect.has(jar, name)
  }

  ownKeys(jar: object): (string | symbol)[] {
    // cookie-parser looks through all of them for JSON.
    if (!isCarrierReading(JarObserver.prototype.ownKeys)) {
      this.#observation.allCookies(Reflect.ownKeys(jar).length > 0)
    }
    return Reflect.ownKeys(jar)
  }
}

/** The value another middleware gave to a property that ours stands before. */
function valueOf(request: object, name: string): unknown {
  const property = observed.get(request)?.properties.get(name)
  return property?.get ? property.get.call(request) : property?.value
}

function assign(request: object, name: string, value: unknown): void {
  const properties = observed.get(request)?.properties
  const setter = properties?.get(name)?.set
  if (setter) setter.call(request, value)
  else properties?.set(name, { value })
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
      const proxy = new Proxy(jar, new JarObserver(state.observation))
      state.jars.set(jar, proxy)
      return proxy
    },
    set(this: object, value: unknown): void {
      assign(this, name, value)
    },
  }
}

function privateDescriptor(name: 'session' | 'user'): PropertyDescriptor {
  return {
    configurable: true,
    enumerable: true,
    get: function read(this: object): unknown {
      const state = observed.get(this)
      if (state?.observation && !isCarrierReading(read)) state.observation[name]()
      return valueOf(this, name)
    },
    set(this: object, value: unknown): void {
      assign(this, name, value)
    },
  }
}

const descriptors = {
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
      const distinct: Record<string, string[]> = Object.create(null)
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
  session: privateDescriptor('session'),
  user: privateDescriptor('user'),
} satisfies PropertyDescriptorMap
