import { IncomingMessage, type ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import type { ReadTracker } from '../../request/read-tracker.ts'
import type { RequestHeaders } from '../../http/header-fields.ts'
import { connectionOf, followProof } from '../connection.ts'
import { HeaderObserver } from './header-observer.ts'
import { Observed, keepObserved, observedBehind, observedOf } from './observed.ts'
import { PropertyObserver } from './property-observer.ts'
import { type KnownReaders, isFramingReading } from './reader.ts'
import { observeSocket } from './socket-observer.ts'

type Overrides = Readonly<Record<string, string | undefined>>

/** A request that is to be observed, and what is known of it. */
export interface Observable {
  readonly message: IncomingMessage
  readonly response: ServerResponse
  /** Whose reads the adapter knows. */
  readonly readers?: KnownReaders | undefined
  /** The prototype that the framework will give it, where it does. */
  readonly prototype?: object | undefined
}

/**
 * Hands the application its request through an observer: reads of headers, cookies by name, session, user and connection
 * are noted, and conditions that the cache answers itself are hidden. Hits never come here.
 */
export function observe(
  observable: Observable,
  observation: ReadTracker | undefined,
  overrides: Overrides | undefined,
): void {
  const { message: request, response, readers = nobody } = observable
  followProof(request, response, originalHeaders(request).authorization)
  if (observation === undefined && overrides === undefined) return
  const state = observedOf(request) ?? begin(request, readers)
  if (observation !== undefined && state.observation !== observation) {
    // Two caches, each with an eye of its own: what one notes the other must hear of.
    if (state.observation) {
      state.observation.relayTo(observation)
      if (observation.heedsVersion) observeVersion(state)
    } else install(observable, state, observation)
  }
  for (const [name, value] of Object.entries(overrides ?? {})) {
    if (!state.hidden.has(name)) state.hidden.set(name, state.own[name])
    put(state.own, name, value)
  }
}

const never = /(?!)/
const nobody: KnownReaders = {
  passThrough: [],
  loggers: [],
  framers: never,
  between: never,
  trusting: never,
  routers: { files: never, between: never },
  coders: { files: never, between: never },
}

/** Shows the application its conditions again, where it turns out that the cache will not answer them. */
export function reveal(request: IncomingMessage): void {
  const state = observedOf(request)
  if (!state) return
  for (const [name, value] of state.hidden) put(state.own, name, value)
  state.hidden.clear()
}

function put(headers: Record<string, unknown>, name: string, value: unknown): void {
  if (value === undefined) delete headers[name]
  else headers[name] = value
}

function begin(request: IncomingMessage, readers: KnownReaders): Observed {
  const { headers: original } = request
  const own = Object.assign(
    Object.create(Object.getPrototypeOf(original) as object | null) as Record<string, unknown>,
    original,
  )
  const state = new Observed(request, readers, original, own)
  keepObserved(state)
  showHeaders(request, own)
  return state
}

function install(
  { message: request, response, prototype }: Observable,
  state: Observed,
  observation: ReadTracker,
): void {
  state.observation = observation
  state.raw = request.rawHeaders
  showHeaders(request, HeaderObserver.proxy(request.headers, state, observation))
  Object.defineProperty(request, 'rawHeaders', rawHeaders)
  // Filled by the first who asks, and told to the next: every look at it is a read.
  if (distinctSlot !== undefined && request instanceof IncomingMessage) {
    Object.defineProperty(request, distinctSlot, headersDistinct)
  }
  if (observation.heedsVersion) observeVersion(state)
  if (mayHaveTrailers(state.original, request)) Object.defineProperties(request, trailers)
  const properties = PropertyObserver.for(state.readers)
  properties.begin(state, prototype)
  observation.lastLook = () => properties.settle(state)
  const connection = connectionOf(request)
  if (connection) observeSocket(connection, { observation, state, response, message: request })
}

/** Where Node keeps the headers itself: whoever asks there, or by the getter of a class, gets the observed ones. */
let headerSlot: symbol | undefined
/** Node makes this one when it is first asked for. */
const distinctSlot = slotOfDistinct()

function showHeaders(request: IncomingMessage, headers: object): void {
  const kept = request as unknown as Record<symbol, unknown>
  if (headerSlot === undefined || !(headerSlot in request)) {
    headerSlot = slotOf(request, /^k?headers$/i)
  }
  if (headerSlot !== undefined && kept[headerSlot] === request.headers) kept[headerSlot] = headers
  else Object.assign(request, { headers })
}

function slotOfDistinct(): symbol | undefined {
  const probe = new IncomingMessage(new Socket())
  void probe.headersDistinct
  return slotOf(probe, /^k?headersDistinct$/i)
}

function slotOf(request: object, name: RegExp): symbol | undefined {
  return Object.getOwnPropertySymbols(request).find(({ description }) =>
    name.test(description ?? ''),
  )
}

/** They come with a body alone. */
function mayHaveTrailers(headers: RequestHeaders, request: IncomingMessage): boolean {
  return (
    headers['transfer-encoding'] !== undefined ||
    headers['trailer'] !== undefined ||
    'stream' in request
  )
}

const rawHeaders: PropertyDescriptor = {
  configurable: true,
  enumerable: true,
  get(this: object): unknown {
    const state = observedBehind(this)
    state?.observation?.allHeaders('req.rawHeaders')
    return state?.raw
  },
  set(this: object, value: unknown): void {
    const state = observedBehind(this)
    if (state) state.raw = value
  },
}

const headersDistinct: PropertyDescriptor = {
  configurable: true,
  enumerable: true,
  get(this: object): unknown {
    const state = observedBehind(this)
    state?.observation?.allHeaders('req.headersDistinct')
    return state?.properties.get('headersDistinct')?.value
  },
  set(this: object, value: unknown): void {
    observedBehind(this)?.properties.set('headersDistinct', { value })
  },
}

function trailerDescriptor(name: string): PropertyDescriptor {
  return {
    configurable: true,
    enumerable: name === 'rawTrailers',
    get(this: object): unknown {
      const state = observedBehind(this)
      state?.observation?.allHeaders(`req.${name}`)
      return state && valueOf(state, name)
    },
    set(this: object, value: unknown): void {
      observedBehind(this)?.properties.set(name, { value })
    },
  }
}

const trailers: PropertyDescriptorMap = {
  trailers: trailerDescriptor('trailers'),
  trailersDistinct: trailerDescriptor('trailersDistinct'),
  rawTrailers: trailerDescriptor('rawTrailers'),
}

const versions = ['httpVersion', 'httpVersionMajor', 'httpVersionMinor'] as const

function observeVersion(state: Observed): void {
  const { request } = state
  for (const name of versions) {
    if (state.properties.has(name)) continue
    const existing = Object.getOwnPropertyDescriptor(request, name)
    const value: unknown =
      existing && 'value' in existing ? existing.value : Reflect.get(request, name)
    state.properties.set(name, { value })
    Object.defineProperty(request, name, versionDescriptors[name])
  }
}

function versionDescriptor(name: string): PropertyDescriptor {
  return {
    configurable: true,
    enumerable: true,
    get: function read(this: object): unknown {
      const state = observedBehind(this)
      const observation = state?.observation
      // Who reads is a question to the stack, and frameworks ask for the version all the time.
      if (
        observation?.heedsVersion === true &&
        (observation.isSealed || !isFramingReading(state?.readers ?? nobody, read))
      ) {
        observation.version()
      }
      return state && valueOf(state, name)
    },
    set(this: object, value: unknown): void {
      observedBehind(this)?.properties.set(name, { value })
    },
  }
}

const versionDescriptors = {
  httpVersion: versionDescriptor('httpVersion'),
  httpVersionMajor: versionDescriptor('httpVersionMajor'),
  httpVersionMinor: versionDescriptor('httpVersionMinor'),
}

function valueOf({ request, properties }: Observed, name: string): unknown {
  const property = properties.get(name)
  return property
    ? property.value
    : Reflect.get(Object.getPrototypeOf(request) as object, name, request)
}

/** The headers of a request as they arrived; reading them here is not noted. */
export function originalHeaders(request: IncomingMessage): RequestHeaders {
  return observedOf(request)?.original ?? request.headers
}

/** Does it speak HTTP/1.x? Asking here is not noted. */
export function isHttp1(request: IncomingMessage): boolean {
  return versionOf(request, 'httpVersionMajor') === 1
}

/** The version of HTTP that the client speaks; asking here is not noted. */
export function httpVersionOf(request: IncomingMessage): string {
  return String(versionOf(request, 'httpVersion'))
}

function versionOf(request: IncomingMessage, name: (typeof versions)[number]): unknown {
  const kept = observedOf(request)?.properties.get(name)
  return kept ? kept.value : request[name]
}
