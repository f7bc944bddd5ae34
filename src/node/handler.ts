import type { IncomingMessage, ServerResponse } from 'node:http'
import {
  type LookupResult,
  lookup,
  asksAgain,
  foresees,
  passingExchange,
  refreshExchange,
} from '../response/lookup.ts'
import { keyedTarget } from '../request/cache-key.ts'
import { withinExchange } from '../response/exchange-scope.ts'
import type { Exchange } from '../response/exchange.ts'
import type { Policy } from '../request/policy.ts'
import type { InFlightRender } from '../response/collapsing.ts'
import type { ResponseCache } from '../response/response-cache.ts'
import type { StoredResponse } from '../http/stored-response.ts'
import { type Attempt, arriving } from '../response/attempt.ts'
import { attend } from './attendance.ts'
import { ResponseInterceptor } from './interceptor.ts'
import { conclude } from './conclusion.ts'
import { type Report, deliver } from './delivery.ts'
import { injectionFor } from './inject.ts'
import { SymbolSlot } from './slot.ts'
import type { Arrival, NodeRequest } from './request.ts'
import { type Observable, observe, reveal } from './tracking/observer.ts'

/** One request at one place where the cache stands, with what the framework must do for it. */
export interface AdapterRequest extends Observable {
  /** Made on demand: at a route it is made anew, with what is known by then. */
  incoming(arrival: Arrival | undefined): NodeRequest
  /** Runs the application behind this place. */
  forward(): void
  /** Makes the draft reachable for handlers. */
  expose(exchange: Exchange): void
  /** Ends the response as a handler would; the capture sends this stored one in its place. */
  finish(stored: StoredResponse): void
  /** Reduces the request target to what is part of the key, so that nothing can be made from the rest. */
  stripQuery(policy: Policy): void
}

interface HandlerAttempt {
  readonly exchange: Exchange
  readonly interceptor: ResponseInterceptor
}

/** Responses that some cache of this process has in hand: a second one steps aside (C-25). */
const claimed = new SymbolSlot<true>('claimed')

/** A refresh that neither ends nor fails gives its place free after this time: 60 s. */
const refreshTimeout = 60_000

/** Where requests of `node:http` meet the cache: answered from it, held until another's answer is there, or let through. */
export class RequestHandler {
  readonly cache: ResponseCache
  readonly #attempts = new SymbolSlot<HandlerAttempt>('way')
  readonly #arrived = new SymbolSlot<NodeRequest>('arrived')
  readonly #refreshes = new SymbolSlot<InFlightRender>('refresh')

  constructor(cache: ResponseCache) {
    this.cache = cache
  }

  /** Has a request of this response passed a cache already, this one or another? */
  isClaimed(response: ServerResponse): boolean {
    return claimed.get(response) === true
  }

  /** The adapter itself follows this response from here on. */
  claim(response: ServerResponse): void {
    claimed.set(response, true)
  }

  /** The request as it arrived, where the cache already stood before its place. */
  arrivedAs(message: IncomingMessage): NodeRequest | undefined {
    return this.#arrived.get(message)
  }

  /** The making that this request refreshes, if it is a background refresh. */
  refreshOf(message: IncomingMessage): InFlightRender | undefined {
    return this.#refreshes.get(message)
  }

  exchangeOf(response: ServerResponse): Exchange | undefined {
    return this.#attempts.get(response)?.exchange
  }

  /**
   * Begins to observe at a request's arrival, for a cache whose place comes later; unless the request will be a hit, as
   * it looks now: then nobody's reads matter.
   */
  arrive(observable: Observable, incoming: () => NodeRequest): NodeRequest | undefined {
    const { message } = observable
    const { settings, sequence } = this.cache
    const existing = this.#arrived.get(message)
    if (!settings.observe || existing) return existing
    const request = this.guard(() => this.met(incoming()), 'meeting a request')
    if (request === undefined) return undefined
    this.cache.noteVersion(request)
    const isRefresh = this.#refreshes.get(message) !== undefined
    if (!isRefresh) this.cache.greet(request)
    const isVisitor = !isRefresh && request.warmRequest === undefined
    const foreseen = isVisitor && foresees(this.cache, request)
    const observation = foreseen ? undefined : this.cache.observe(request)
    const start = sequence.start()
    this.#arrived.set(
      message,
      request.arrived({ observation, start, isComplete: !foreseen, foreseen }),
    )
    if (observation) observe(observable, observation, undefined)
    return request
  }

  /** Lets a request pass the cache with the given policy. */
  handle(adapterRequest: AdapterRequest, policy: Policy): void {
    if (claimed.get(adapterRequest.response) === true) {
      adapterRequest.forward()
      return
    }
    const incoming = this.meet(adapterRequest)
    if (incoming === undefined) adapterRequest.forward()
    else this.#proceed(adapterRequest, incoming, policy)
  }

  #proceed(adapterRequest: AdapterRequest, incoming: NodeRequest, policy: Policy): void {
    const render = this.#refreshes.get(adapterRequest.message)
    if (render) this.#forward(adapterRequest, refreshExchange(this.cache, incoming, policy, render))
    else this.#follow(adapterRequest, incoming, policy, arriving)
  }

  /** The request; undefined where the application's own words on hosts and proxies fail, which it will meet by itself. */
  meet(adapterRequest: AdapterRequest): NodeRequest | undefined {
    return this.guard(
      () =>
        this.#arrived.get(adapterRequest.message) ?? this.met(adapterRequest.incoming(undefined)),
      'meeting a request',
    )
  }

  /** Where every read of the host is noted, the port of a test's server is left out of the origin. */
  met(request: NodeRequest): NodeRequest {
    return this.cache.settings.observe ? request.forgetPort() : request
  }

  /** A fault of the cache, or of what it asks, never becomes one of the page. */
  guard<Result>(act: () => Result, during: string): Result | undefined {
    try {
      return act()
    } catch (error) {
      this.cache.fault(error, during)
      return undefined
    }
  }

  /** Lets a request that has passed already meet the policy of its route. */
  handleRoute(adapterRequest: AdapterRequest, policyAt: (policy: Policy) => Policy): void {
    const way = this.#attempts.get(adapterRequest.response)
    if (way === undefined) {
      this.handle(adapterRequest, policyAt(this.cache.settings.policy))
      return
    }
    const { exchange } = way
    const policy = policyAt(exchange.policy)
    if (policy.off || exchange.isEnded || !asksAgain(exchange, policy)) {
      exchange.policy = policy
      if (policy.off) exchange.settle()
      if (policy.off && !this.cache.fragments.isUsed) reveal(adapterRequest.message)
      adapterRequest.forward()
      return
    }
    exchange.release()
    const incoming = adapterRequest.incoming({
      observation: exchange.observation,
      start: exchange.tracker,
      isComplete: exchange.request.observedFromStart && exchange.observation !== undefined,
      foreseen: exchange.request.foreseen,
      tracker: exchange.tracker,
    })
    this.#proceed(adapterRequest, this.met(incoming), policy)
  }

  #follow(
    adapterRequest: AdapterRequest,
    incoming: NodeRequest,
    policy: Policy,
    attempt: Attempt,
  ): void {
    const decision: LookupResult = lookup(this.cache, incoming, policy, attempt)
    switch (decision.act) {
      case 'serve':
        this.#serve(adapterRequest, incoming, policy, decision.stored, { kind: decision.reason })
        if (decision.refresh) {
          this.refresh(incoming, decision.stored, decision.refresh, policy)
        }
        return
      case 'wait':
        void decision.until.then((next) => {
          // Whoever left while waiting must not cost a rendering.
          if (adapterRequest.response.destroyed) return
          this.#follow(adapterRequest, incoming, policy, next)
        })
        return
      case 'forward':
        this.#forward(adapterRequest, decision.exchange)
        return
      case 'unsatisfiable':
        adapterRequest.response.statusCode = 504
        adapterRequest.response.end()
    }
  }

  #serve(
    adapterRequest: AdapterRequest,
    incoming: NodeRequest,
    policy: Policy,
    stored: StoredResponse,
    report: Report,
  ): void {
    const { response } = adapterRequest
    try {
      const way = this.#attempts.get(response)
      if (way) {
        way.interceptor.serve(stored, report)
        adapterRequest.finish(stored)
      } else deliver(incoming, response, stored, this.cache.settings, report)
    } catch (error) {
      this.cache.fault(error, 'sending a stored response')
      this.cache.store.delete(stored.key)
      if (response.headersSent) response.destroy()
      else this.#forward(adapterRequest, passingExchange(this.cache, incoming, policy, 'error'))
    }
  }

  #forward(adapterRequest: AdapterRequest, exchange: Exchange): void {
    conclude(exchange, () => this.#prepare(adapterRequest, exchange))
    withinExchange(exchange, () => adapterRequest.forward())
  }

  #prepare(adapterRequest: AdapterRequest, exchange: Exchange): void {
    const { message, response } = adapterRequest
    const existing = this.#attempts.get(response)
    if (existing) existing.interceptor.exchange = exchange
    const capture = existing?.interceptor ?? new ResponseInterceptor(message, response, exchange)
    this.#attempts.set(response, { exchange, interceptor: capture })
    claimed.set(response, true)
    attend(adapterRequest, exchange)
    if (!exchange.isPassing && exchange.policy.query !== undefined)
      adapterRequest.stripQuery(exchange.policy)
    adapterRequest.expose(exchange)
  }

  /**
   * Makes a stale response anew in the background, by a request that goes the way of the visitor's from the server on: what stands
   * around the application belongs to its answers. Settles the making in every case.
   */
  refresh(
    incoming: NodeRequest,
    stored: StoredResponse,
    render: InFlightRender,
    policy: Policy,
  ): void {
    const { cache } = this
    const { credentials } = cache.settings
    const { server } = incoming
    // Without what the key leaves out, which would keep it from being stored.
    const target = keyedTarget(incoming.target, policy.query)
    const { message, response } = injectionFor(incoming, target, credentials, stored.inputs)
    this.#refreshes.set(message, render)
    const settle = (): void => {
      clearTimeout(timer)
      cache.settle(render)
    }
    const end = (): void => {
      settle()
      if (!render.isMet && render.audited === undefined) cache.unreached(stored)
    }
    // What never ends would go on for nobody, and each later refresh would leave another.
    const timer = setTimeout(() => response.destroy(), refreshTimeout)
    timer.unref()
    response.once('close', () => this.guard(end, 'ending a refresh'))
    const run = (): void => {
      try {
        server?.emit('request', message, response)
      } catch (error) {
        cache.fault(error, 'refreshing a stale response')
        end()
      }
    }
    // After the visitor's own response: a refresh is on nobody's time.
    setImmediate(() => {
      if (cache.membership) {
        void cache.isToRefresh(stored, render).then(
          (isToRun) => (isToRun ? run() : settle()),
          // Nobody else hears of it but the process, which would end.
          settle,
        )
      } else run()
    })
  }
}
