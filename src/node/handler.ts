import type { IncomingMessage, ServerResponse } from 'node:http'
import {
  type Answer,
  answer,
  asksAgain,
  foresees,
  passingExchange,
  refreshExchange,
} from '../response/lookup.ts'
import { keyedTarget } from '../request/cache-key.ts'
import { withinExchange } from '../response/exchange-scope.ts'
import type { Exchange } from '../response/exchange.ts'
import type { Policy } from '../request/policy.ts'
import type { Making } from '../response/collapsing.ts'
import type { ResponseCache } from '../response/response-cache.ts'
import type { StoredResponse } from '../http/stored-response.ts'
import { type Turn, arriving } from '../response/attempt.ts'
import { attend } from './attendance.ts'
import { Capture } from './capture.ts'
import { conclude } from './conclusion.ts'
import { type Report, deliver } from './delivery.ts'
import { injectionFor } from './inject.ts'
import { Mark } from './slot.ts'
import type { Arrival, NodeRequest } from './request.ts'
import { type Observable, observe, reveal } from './tracking/observer.ts'

/** One request at one place where the cache stands, with what the framework must do for it. */
export interface Passage extends Observable {
  /** Made on demand: at a route it is made anew, with what is known by then. */
  incoming(arrival: Arrival | undefined): NodeRequest
  /** Runs the application behind this place. */
  forward(): void
  /** Makes the draft reachable for handlers. */
  attach(exchange: Exchange): void
  /** Ends the response as a handler would; the capture sends this stored one in its place. */
  finish(stored: StoredResponse): void
  /** Reduces the request target to what is part of the key, so that nothing can be made from the rest. */
  narrow(policy: Policy): void
}

interface Way {
  readonly exchange: Exchange
  readonly capture: Capture
}

/** Responses that some cache of this process has in hand: a second one steps aside (C-25). */
const claimed = new Mark<true>('claimed')

/** A refresh that neither ends nor fails gives its place free after this time: 60 s. */
const refreshTimeout = 60_000

/** Where requests of `node:http` meet the cache: answered from it, held until another's answer is there, or let through. */
export class Gate {
  readonly cache: ResponseCache
  readonly #ways = new Mark<Way>('way')
  readonly #arrived = new Mark<NodeRequest>('arrived')
  readonly #refreshes = new Mark<Making>('refresh')

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
  refreshOf(message: IncomingMessage): Making | undefined {
    return this.#refreshes.get(message)
  }

  exchangeOf(response: ServerResponse): Exchange | undefined {
    return this.#ways.get(response)?.exchange
  }

  /**
   * Begins to observe at a request's arrival, for a cache whose place comes later; unless the request will be a hit, as
   * it looks now: then nobody's reads matter.
   */
  arrive(observable: Observable, incoming: () => NodeRequest): NodeRequest | undefined {
    const { message } = observable
    const { settings, sequence } = this.cache
    const standing = this.#arrived.get(message)
    if (!settings.observe || standing) return standing
    const request = this.guard(incoming, 'meeting a request')
    if (request === undefined) return undefined
    this.cache.noteVersion(request)
    const isRefresh = this.#refreshes.get(message) !== undefined
    if (!isRefresh) this.cache.greet(request)
    const isVisitor = !isRefresh && request.visit === undefined
    const foreseen = isVisitor && foresees(this.cache, request)
    const observation = foreseen ? undefined : this.cache.observe()
    const start = sequence.start()
    this.#arrived.set(
      message,
      request.arrived({ observation, start, isComplete: !foreseen, foreseen }),
    )
    if (observation) observe(observable, observation, undefined)
    return request
  }

  /** Lets a request pass the cache with the given policy. */
  pass(passage: Passage, policy: Policy): void {
    const { message, response } = passage
    if (claimed.get(response) === true) {
      passage.forward()
      return
    }
    const incoming = this.meet(passage)
    const making = this.#refreshes.get(message)
    if (incoming === undefined) passage.forward()
    else if (making) {
      this.#forward(passage, refreshExchange(this.cache, incoming, policy, making))
    } else {
      this.#follow(passage, incoming, policy, arriving)
    }
  }

  /** The request; undefined where the application's own words on hosts and proxies fail, which it will meet by itself. */
  meet(passage: Passage): NodeRequest | undefined {
    return this.guard(
      () => this.#arrived.get(passage.message) ?? passage.incoming(undefined),
      'meeting a request',
    )
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
  passRoute(passage: Passage, policyAt: (policy: Policy) => Policy): void {
    const way = this.#ways.get(passage.response)
    if (way === undefined) {
      this.pass(passage, policyAt(this.cache.settings.policy))
      return
    }
    const { exchange } = way
    const policy = policyAt(exchange.policy)
    if (policy.off || exchange.isEnded || !asksAgain(exchange, policy)) {
      exchange.policy = policy
      if (policy.off) exchange.settle()
      if (policy.off && !this.cache.fragments.isUsed) reveal(passage.message)
      passage.forward()
      return
    }
    exchange.release()
    const incoming = passage.incoming({
      observation: exchange.observation,
      start: exchange.recording,
      isComplete: exchange.request.observedFromStart && exchange.observation !== undefined,
      foreseen: exchange.request.foreseen,
      recording: exchange.recording,
    })
    const making = this.#refreshes.get(passage.message)
    if (making) {
      this.#forward(passage, refreshExchange(this.cache, incoming, policy, making))
    } else {
      this.#follow(passage, incoming, policy, arriving)
    }
  }

  #follow(passage: Passage, incoming: NodeRequest, policy: Policy, turn: Turn): void {
    const decision: Answer = answer(this.cache, incoming, policy, turn)
    switch (decision.act) {
      case 'serve':
        this.#serve(passage, incoming, policy, decision.stored, { kind: decision.reason })
        if (decision.refresh) {
          this.refresh(incoming, decision.stored, decision.refresh, policy)
        }
        return
      case 'wait':
        void decision.until.then((next) => {
          // Whoever left while waiting must not cost a rendering.
          if (passage.response.destroyed) return
          this.#follow(passage, incoming, policy, next)
        })
        return
      case 'forward':
        this.#forward(passage, decision.exchange)
        return
      case 'unsatisfiable':
        passage.response.statusCode = 504
        passage.response.end()
    }
  }

  #serve(
    passage: Passage,
    incoming: NodeRequest,
    policy: Policy,
    stored: StoredResponse,
    report: Report,
  ): void {
    const { response } = passage
    try {
      const way = this.#ways.get(response)
      if (way) {
        way.capture.serve(stored, report)
        passage.finish(stored)
      } else deliver(incoming, response, stored, this.cache.settings, report)
    } catch (error) {
      this.cache.fault(error, 'sending a stored response')
      this.cache.store.delete(stored.key)
      if (response.headersSent) response.destroy()
      else this.#forward(passage, passingExchange(this.cache, incoming, policy, 'fault'))
    }
  }

  #forward(passage: Passage, exchange: Exchange): void {
    conclude(exchange, () => this.#prepare(passage, exchange))
    withinExchange(exchange, () => passage.forward())
  }

  #prepare(passage: Passage, exchange: Exchange): void {
    const { message, response } = passage
    const standing = this.#ways.get(response)
    if (standing) standing.capture.exchange = exchange
    const capture = standing?.capture ?? new Capture(message, response, exchange)
    this.#ways.set(response, { exchange, capture })
    claimed.set(response, true)
    attend(passage, exchange)
    if (!exchange.isPassing && exchange.policy.query !== undefined) passage.narrow(exchange.policy)
    passage.attach(exchange)
  }

  /**
   * Makes a stale response anew in the background, by a request that goes the way of the visitor's from the server on: what stands
   * around the application belongs to its answers. Settles the making in every case.
   */
  refresh(incoming: NodeRequest, stored: StoredResponse, making: Making, policy: Policy): void {
    const { cache } = this
    const { credentials } = cache.settings
    const { server } = incoming
    // Without what the key leaves out, which would keep it from being stored.
    const target = keyedTarget(incoming.target, policy.query)
    const { message, response } = injectionFor(incoming, target, credentials, stored.inputs)
    this.#refreshes.set(message, making)
    const settle = (): void => {
      clearTimeout(timer)
      cache.settle(making)
    }
    const end = (): void => {
      settle()
      if (!making.isMet && making.audited === undefined) cache.unreached(stored)
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
        void cache.isToRefresh(stored, making).then(
          (isToRun) => (isToRun ? run() : settle()),
          // Nobody else hears of it but the process, which would end.
          settle,
        )
      } else run()
    })
  }
}
