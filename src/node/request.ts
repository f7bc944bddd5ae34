import type { IncomingMessage } from 'node:http'
import type { IncomingRequest, MatchedRoute } from '../request/incoming-request.ts'
import type { Start } from '../invalidation/sequence.ts'
import type { ReadTracker } from '../request/read-tracker.ts'
import type { DependencyTracker } from '../fragments/dependency-tracker.ts'
import type { WarmRequestState } from '../request/warm-request.ts'
import type { RequestHeaders } from '../http/header-fields.ts'
import { type RequestEmitter, connectionOf, isIdentified, serverOf } from './connection.ts'
import { loopbackOrigin } from './loopback.ts'
import { SymbolSlot } from './slot.ts'
import { httpVersionOf, isHttp1, originalHeaders } from './tracking/observer.ts'
import { addressOf } from './tracking/socket-observer.ts'
import { type TargetProperties, observeTarget } from './tracking/target-observer.ts'

/** What the framework knows of a request beyond node:http. */
export interface Origin {
  /** 'http' or 'https', by the trust the application puts in its proxies. */
  readonly protocol: string
  /** Host and port as the client asked for them, by the same trust. */
  readonly host: string
}

/** The requests of warmers. */
export const warmRequests: SymbolSlot<WarmRequestState> = new SymbolSlot('visit')

/** Targets as they arrived, of requests whose application sees less of them. */
const arrived = new WeakMap<IncomingMessage, string>()

/**
 * The target of a request as it arrived. A policy that takes parameters from what the application sees is not the last
 * word: a nearer one may count others, and an invalidation may name the URL with all of them.
 */
export function arrivedTarget(message: IncomingMessage, current: string): string {
  return arrived.get(message) ?? current
}

/** To be called before the application's view of the target changes. */
export function keepTarget(message: IncomingMessage, current: string): void {
  if (!arrived.has(message)) arrived.set(message, current)
}

/** An observation that began at the request's arrival, before the cache's place. */
export interface Arrival {
  readonly observation: ReadTracker | undefined
  readonly start: Start
  /** False when something may have been read before it began. */
  readonly isComplete: boolean
  /** It looked like a hit, so that nothing is noted. */
  readonly foreseen: boolean
  /** What middleware has said of the response already, where the request is judged anew at its route. */
  readonly tracker?: DependencyTracker
}

/** What a framework knows of its own requests; an adapter gives one such object for all of them. */
export interface FrameworkRequests {
  /** The routes that matched, the last one first. */
  routes(native: unknown): readonly MatchedRoute[]
  /** The properties in which the framework keeps the request target; none by default. */
  targets?(native: unknown): TargetProperties
}

/** How a request came to the cache's place. */
export interface RequestFacts {
  readonly target: string
  readonly origin: Origin
  readonly arrival: Arrival | undefined
  /** The cache stands before everything else, so that nothing was read yet. */
  readonly isFirst: boolean
  /** The application that answers, where the framework tells. */
  readonly application?: object | undefined
}

/** A `node:http` (or HTTP/2 compatibility) request as the cache sees it. */
export class NodeRequest implements IncomingRequest {
  readonly method: string
  readonly target: string
  origin: string
  /** The port is no part of the key, so that the host is an input like other headers. */
  hasHostInput = false
  readonly headers: RequestHeaders
  readonly isHttp1: boolean
  readonly isIdentified: boolean
  readonly native: unknown
  observedFromStart: boolean
  foreseen: boolean
  observation: ReadTracker | undefined
  arrivedAt: Start | undefined
  readonly tracker: DependencyTracker | undefined
  readonly #message: IncomingMessage
  readonly #framework: FrameworkRequests
  readonly #application: object | undefined
  #watching: ReadTracker | undefined

  constructor(
    message: IncomingMessage,
    native: unknown,
    framework: FrameworkRequests,
    { target, origin, arrival, isFirst, application }: RequestFacts,
  ) {
    this.method = message.method ?? ''
    this.target = target
    this.origin = `${origin.protocol}://${origin.host}`
    this.headers = originalHeaders(message)
    this.isHttp1 = isHttp1(message)
    this.isIdentified = isIdentified(message)
    this.native = native
    this.observedFromStart = isFirst || arrival?.isComplete === true
    this.foreseen = arrival?.foreseen === true
    this.observation = arrival?.observation
    this.arrivedAt = arrival?.start
    this.tracker = arrival?.tracker
    this.#message = message
    this.#framework = framework
    this.#application = application
  }

  /** Takes the port of a test's server out of the origin; only where every read of the host is noted. */
  forgetPort(): this {
    const origin =
      this.#application && loopbackOrigin(this.#application, this.origin, this.#message)
    this.hasHostInput = origin !== undefined
    this.origin = origin ?? this.origin
    return this
  }

  /** What its arrival already told, when the cache's place is reached. */
  arrived(arrival: Arrival): this {
    this.observedFromStart = arrival.isComplete
    this.foreseen = arrival.foreseen
    this.observation = arrival.observation
    this.arrivedAt = arrival.start
    return this
  }

  get hasBody(): boolean {
    const { headers } = this
    if (headers['transfer-encoding'] !== undefined) return true
    const length = headers['content-length']
    // Stand-ins of serverless hosts give a number.
    if (length !== undefined) return String(length) !== '0'
    // HTTP/2 frames a body without saying so in a field.
    const stream: unknown = this.isHttp1 ? undefined : Reflect.get(this.#message, 'stream')
    return (
      typeof stream === 'object' &&
      stream !== null &&
      Reflect.get(stream, 'endAfterHeaders') === false
    )
  }

  /** The server at which one like it can be made. */
  get server(): RequestEmitter | undefined {
    return serverOf(this.#message)
  }

  get isRepeatable(): boolean {
    return this.server !== undefined
  }

  get warmRequest(): WarmRequestState | undefined {
    return warmRequests.get(this.#message)
  }

  get remoteAddress(): string {
    return addressOf(connectionOf(this.#message) ?? {})
  }

  get httpVersion(): string {
    return httpVersionOf(this.#message)
  }

  watchTarget(observation: ReadTracker): void {
    this.#watching = observation
    observeTarget(this.#message, observation, this.#framework.targets?.(this.native) ?? [])
  }

  /** For events and reports: a router that fails costs them the route, and nothing else. */
  route(): MatchedRoute | undefined {
    try {
      return this.routes()[0]
    } catch {
      return undefined
    }
  }

  /** What the framework keeps of routes is read on the cache's behalf, not on the application's. */
  routes(): readonly MatchedRoute[] {
    const read = (): readonly MatchedRoute[] => this.#framework.routes(this.native)
    return this.#watching ? this.#watching.quietly(read) : read()
  }
}
