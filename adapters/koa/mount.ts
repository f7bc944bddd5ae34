import type { Context, Next } from 'koa'
import {
  type LookupResult,
  type BodyForm,
  type Exchange,
  type RequestHandler,
  type HeaderSnapshot,
  SymbolSlot,
  type Policy,
  type Report,
  type StoredResponse,
  lookup,
  arriving,
  asksAgain,
  attend,
  changesSince,
  conclude,
  followUnsafe,
  isBroken,
  passingExchange,
  refreshExchange,
  removeRepresentationFields,
  renditionOf,
  restore,
  reveal,
  setField,
  snapshot,
  withinExchange,
} from '../../src/adapter.ts'
import { BodyInHand, tap } from './body.ts'
import { exposeContext, incomingOf, stripQuery, observableOf } from './request.ts'
import { putStored } from './stored-body.ts'

type Incoming = Exchange['request']

/** What one context's way past the cache has come to. */
interface Attempt {
  exchange: Exchange
  /** A route found a stored response, which is in ctx already. */
  isServed: boolean
}

/**
 * The cache at a place with other middleware outside of it. There the response is `ctx.status`, fields and `ctx.body`: a
 * hit gives them back as the application had set them, so that what stands outside (compression, envelopes, timing) finds
 * the same on a hit as on a miss.
 */
export class KoaMount {
  readonly #handler: RequestHandler
  readonly #attempts = new SymbolSlot<Attempt>('way')
  /** Exchanges whose body is read beside the response. */
  readonly #isReading = new WeakSet<Exchange>()

  constructor(handler: RequestHandler) {
    this.#handler = handler
  }

  async handle(ctx: Context, next: Next, policy: Policy): Promise<void> {
    const handler = this.#handler
    const incoming = handler.arrivedAs(ctx.req) ?? handler.met(incomingOf(ctx, undefined, false))
    const render = handler.refreshOf(ctx.req)
    const exchange = render
      ? refreshExchange(handler.cache, incoming, policy, render)
      : await this.#look(ctx, policy, incoming)
    if (exchange) await this.#run(ctx, next, exchange)
  }

  /** Is the context on its way past this place? */
  follows(ctx: Context): boolean {
    return this.#attempts.get(ctx) !== undefined
  }

  /** Lets a context that is on its way already meet the policy of its route. */
  async handleRoute(ctx: Context, next: Next, policyAt: (policy: Policy) => Policy): Promise<void> {
    const way = this.#attempts.get(ctx)
    if (way === undefined) {
      await this.handle(ctx, next, policyAt(this.#handler.cache.settings.policy))
      return
    }
    const { exchange } = way
    const policy = policyAt(exchange.policy)
    if (policy.off || exchange.isEnded || !asksAgain(exchange, policy)) {
      exchange.policy = policy
      if (policy.off) exchange.settle()
      if (policy.off && !exchange.cache.fragments.isUsed) reveal(ctx.req)
      await next()
      return
    }
    exchange.release()
    const incoming = incomingOf(
      ctx,
      {
        observation: exchange.observation,
        start: exchange.tracker,
        isComplete: exchange.request.observedFromStart && exchange.observation !== undefined,
        foreseen: exchange.request.foreseen,
        tracker: exchange.tracker,
      },
      false,
    )
    const render = this.#handler.refreshOf(ctx.req)
    const found = render
      ? refreshExchange(this.#handler.cache, incoming, policy, render)
      : await this.#look(ctx, policy, incoming)
    if (found === undefined) {
      way.isServed = true
      return
    }
    way.exchange = found
    this.#prepare(ctx, found)
    await withinExchange(found, next)
  }

  /** @returns undefined when the answer is in ctx already. */
  async #look(
    ctx: Context,
    policy: Policy,
    incoming: ReturnType<typeof incomingOf>,
  ): Promise<Exchange | undefined> {
    const { cache } = this.#handler
    for (let attempt = arriving; ;) {
      const decision: LookupResult = lookup(cache, incoming, policy, attempt)
      switch (decision.act) {
        case 'forward':
          return decision.exchange
        case 'wait':
          attempt = await decision.until
          break
        case 'serve': {
          const { stored, refresh } = decision
          const before = snapshot(ctx.res)
          try {
            this.#put(ctx, incoming, stored, { kind: decision.reason })
          } catch (error) {
            cache.fault(error, 'sending a stored response')
            cache.store.delete(stored.key)
            restore(ctx.res, before)
            if (refresh) cache.settle(refresh)
            return passingExchange(cache, incoming, policy, 'error')
          }
          if (refresh) this.#handler.refresh(incoming, stored, refresh, policy)
          return undefined
        }
        case 'unsatisfiable':
          ctx.status = 504
          ctx.body = null
          ctx.status = 504
          return undefined
      }
    }
  }

  async #run(ctx: Context, next: Next, exchange: Exchange): Promise<void> {
    this.#handler.claim(ctx.res)
    const way: Attempt = { exchange, isServed: false }
    this.#attempts.set(ctx, way)
    const before = snapshot(ctx.res)
    this.#prepare(ctx, exchange)
    ctx.res.once('close', () => {
      // A stream that nobody reads to its end tells nobody so: whoever waits must hear of it here.
      if (this.#isReading.has(way.exchange)) return
      conclude(way.exchange, () => way.exchange.refuse('incomplete', 'the connection closed'))
    })
    try {
      await withinExchange(exchange, next)
    } catch (error) {
      const replacement = way.exchange.replacementForError()
      if (replacement === undefined) {
        way.exchange.refuse('incomplete', 'the application threw')
        throw error
      }
      const report = { kind: 'stale-if-error', forwardedStatus: 500 } as const
      restore(ctx.res, before)
      this.#put(ctx, way.exchange.request, replacement, report)
      return
    } finally {
      // What stands outside answers the client's conditions by validators of its own.
      reveal(ctx.req)
    }
    if (way.isServed) return
    try {
      this.#finish(ctx, way.exchange, before)
    } catch (error) {
      // The application's answer stands in ctx; a fault of the cache takes nothing from it.
      this.#handler.cache.fault(error, 'judging a response')
      way.exchange.refuse('error')
    }
  }

  #prepare(ctx: Context, exchange: Exchange): void {
    conclude(exchange, () => {
      attend(observableOf(ctx), exchange)
      if (!exchange.isPassing && exchange.policy.query !== undefined)
        stripQuery(ctx, exchange.policy)
      exposeContext(ctx, exchange)
    })
  }

  #finish(ctx: Context, exchange: Exchange, before: HeaderSnapshot): void {
    if (ctx.respond === false || ctx.headerSent) {
      followUnsafe(exchange.cache, exchange.request, ctx.res)
      exchange.refuse('incomplete', 'ctx.respond = false: the response went around Koa')
      return
    }
    const source = new BodyInHand(ctx)
    const head = {
      status: ctx.status,
      // HTTP/2 has none, and Node warns whoever asks (RFC 9113 §8.3.1).
      statusMessage: exchange.request.isHttp1 ? ctx.res.statusMessage || undefined : undefined,
      ...changesSince(ctx.res, before),
      method: ctx.method,
    }
    const plan = exchange.head(head, source)
    if (plan.act === 'serve') {
      const { kind, forwardedStatus } = { kind: plan.reason, ...plan }
      restore(ctx.res, before)
      if (plan.cookies.length > 0) ctx.set('Set-Cookie', [...plan.cookies])
      this.#put(ctx, exchange.request, plan.stored, { kind, forwardedStatus })
      return
    }
    for (const name of plan.fields.remove) ctx.remove(name)
    for (const [name, value] of plan.fields.set) setField(ctx.res, name, value)
    if (plan.collect) this.#collect(exchange, before, source)
    else exchange.end()
    if (plan.act === 'not-modified') {
      // Koa ends a stream whose place is taken, so that one is not stored now; `close` tells those who wait.
      ctx.status = 304
      ctx.body = null
      removeRepresentationFields(ctx.res)
    }
  }

  #collect(exchange: Exchange, before: HeaderSnapshot, source: BodyInHand): void {
    const { ctx } = source
    const limit = exchange.cache.store.maxEntrySize
    // Stored when the head is out: what stands outside may set a cookie until then (C-9).
    const complete = (bytes: Buffer | undefined, form: BodyForm): void =>
      conclude(exchange, () => {
        if (bytes === undefined) exchange.refuse('too-large', `over ${limit} bytes`)
        else {
          exchange.forbid(changesSince(ctx.res, before))
          // What stands outside may change the body: a tag of these bytes could confirm another.
          exchange.complete(bytes, form, false)
        }
      })
    if (isBroken(ctx.req, ctx.res)) {
      exchange.refuse('incomplete', 'it broke off before its end')
      return
    }
    const body = source.body()
    switch (body.kind) {
      case 'whole': {
        const { bytes, form } = body
        ctx.res.once('finish', () => complete(bytes.byteLength > limit ? undefined : bytes, form))
        return
      }
      case 'blob':
        if (body.blob.size > limit) complete(undefined, 'bytes')
        else {
          this.#isReading.add(exchange)
          void body.blob.arrayBuffer().then(
            (bytes) => complete(Buffer.from(bytes), 'bytes'),
            (error: unknown) => {
              exchange.cache.fault(error, 'reading a Blob')
              exchange.refuse('error')
            },
          )
        }
        return
      case 'stream': {
        const length: unknown = ctx.res.getHeader('Content-Length')
        const hasType = ctx.res.hasHeader('Content-Type')
        const isLengthGone: unknown = Reflect.get(ctx.res, '_removedContLen')
        ctx.body = tap(body.stream, limit, (bytes) => {
          if (bytes === undefined || !isBroken(ctx.req, ctx.res)) complete(bytes, 'bytes')
          else {
            conclude(exchange, () => exchange.refuse('incomplete', 'it broke off before its end'))
          }
        })
        // Koa drops the length when one body takes another's place; here it is the same body.
        if (typeof length === 'string' || typeof length === 'number') {
          ctx.set('Content-Length', `${length}`)
        }
        // Node would remember the loss, and give an empty stream no length.
        Reflect.set(ctx.res, '_removedContLen', isLengthGone)
        if (!hasType) ctx.remove('Content-Type')
        return
      }
      case 'unknown':
        exchange.refuse('incomplete', 'a body of unknown type')
    }
  }

  #put(ctx: Context, incoming: Incoming, stored: StoredResponse, report: Report): void {
    putStored(ctx, stored, renditionOf(incoming, stored, this.#handler.cache.settings, report))
  }
}
