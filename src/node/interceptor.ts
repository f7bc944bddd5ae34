import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Readable } from 'node:stream'
import type { HeadPlan } from '../response/exchange-facts.ts'
import type { Exchange } from '../response/exchange.ts'
import type { StoredResponse } from '../http/stored-response.ts'
import type { UncacheableReason } from '../events/reasons.ts'
import { BodyWatch } from './body-watch.ts'
import { conclude } from './conclusion.ts'
import { type Report, deliver } from './delivery.ts'
import { Drain, callbacksIn } from './drain.ts'
import { type Chunk, isChunk, takeBackHead } from './head/framing.ts'
import { planOf } from './head/head-plan.ts'
import {
  type HeaderSnapshot,
  changesSince,
  removeRepresentationFields,
  restore,
  setField,
  snapshot,
} from './head/header-snapshot.ts'
import { watchTrailers } from './trailers.ts'
import { dropFields, takeHead } from './head/write-head.ts'

type WriteHead = (status: number, ...rest: unknown[]) => ServerResponse
type Write = (chunk: unknown, ...rest: unknown[]) => boolean
type End = (...args: unknown[]) => ServerResponse
type Served = Readonly<{ stored: StoredResponse; report: Report }>

type Mode =
  /** The head is not known yet. */
  | 'waiting'
  /** Everything passes unchanged. */
  | 'passing'
  /** Everything passes, and the bytes are kept. */
  | 'collecting'
  /** The client gets no body (304); the bytes are kept. */
  | 'hiding'
  /** The client gets a stored response when the application ends its own, which is dropped. */
  | 'serving'
  /** The client got a stored response; what the application makes is dropped. */
  | 'dropping'

/**
 * Sees a response as it is made, at the raw `writeHead`, `write` and `end` that every framework and stream ends in. The
 * client gets its bytes as they come; a copy is kept while the exchange wants it.
 */
export class ResponseInterceptor {
  exchange: Exchange
  readonly #request: IncomingMessage
  readonly #response: ServerResponse
  readonly #before: HeaderSnapshot
  readonly #hasOuterLayers: boolean
  readonly #writeHead: WriteHead
  readonly #write: Write
  readonly #end: End
  #mode: Mode = 'waiting'
  readonly #body: BodyWatch
  #hasTrailers = false
  #isEnding = false
  #hasEnded = false
  readonly #drain: Drain
  #served: Served | undefined
  /** The head as it stood before the cache added to it. */
  #existing: HeaderSnapshot | undefined

  constructor(request: IncomingMessage, response: ServerResponse, exchange: Exchange) {
    this.exchange = exchange
    this.#request = request
    this.#response = response
    this.#before = snapshot(response)
    const { store, copies } = exchange.cache
    this.#body = new BodyWatch(request, response, store.maxEntrySize, copies)
    this.#drain = new Drain(response)
    this.#hasOuterLayers = Object.hasOwn(response, 'writeHead')
    this.#writeHead = response.writeHead.bind(response) as WriteHead
    this.#write = response.write.bind(response) as Write
    this.#end = response.end.bind(response) as End
    response.writeHead = this.#onWriteHead.bind(this)
    response.write = this.#onWrite.bind(this) as typeof response.write
    response.end = this.#onEnd.bind(this) as typeof response.end
    watchTrailers(response, () => {
      this.#hasTrailers = true
      if (this.#mode !== 'waiting') this.#refuse('trailers')
    })
    response.once('close', () => {
      this.#body.drop()
      // What is made for nobody may be cut short without a sign: Koa ends it with no body at all.
      if (!this.#hasEnded) this.#refuse('incomplete', 'the connection closed')
    })
  }

  /**
   * Sends a stored response in place of what the framework is about to end, where a route has one: layers between the cache and
   * the route hear of head and end as ever, so that sessions are saved and logs are written.
   */
  serve(stored: StoredResponse, report: Report): void {
    this.#mode = 'serving'
    this.#served = { stored, report }
    restore(this.#response, this.#before)
  }

  #onWriteHead(given: number, ...rest: unknown[]): ServerResponse {
    const response = this.#response
    const status = Math.trunc(given)
    const isValid = status >= 100 && status <= 999
    // What Node refuses before it has changed anything is Node's to refuse.
    if (this.#mode === 'serving') return response
    if (this.#mode !== 'waiting' || response.headersSent || !isValid) {
      return this.#writeHead(given, ...rest)
    }
    const { reason, isAlone } = takeHead(
      this.#request,
      response,
      status,
      rest,
      this.#hasOuterLayers,
    )
    const plan = this.#plan(status, reason)
    if (!plan) return this.#forwardHead(status, reason)
    const existing = (this.#existing = snapshot(response))
    try {
      this.#carryOut(plan, status, reason)
    } catch (error) {
      // Node or an outer layer refused the head. What the framework answers then is another response than this one.
      this.#mode = 'passing'
      this.#refuse('error', 'the head could not be sent')
      response.statusCode = status
      if (!response.headersSent) {
        if (isAlone) dropFields(response)
        else restore(response, existing)
      }
      throw error
    }
    return response
  }

  #carryOut(plan: HeadPlan, status: number, reason: string | undefined): void {
    const response = this.#response
    if (plan.act === 'serve') {
      this.#mode = 'dropping'
      restore(this.#response, this.#before)
      if (plan.cookies.length > 0) response.setHeader('Set-Cookie', [...plan.cookies])
      this.#deliver(plan.stored, { kind: plan.reason, forwardedStatus: plan.forwardedStatus })
      return
    }
    for (const name of plan.fields.remove) response.removeHeader(name)
    for (const [name, value] of plan.fields.set) setField(response, name, value)
    if (plan.act === 'not-modified') {
      this.#mode = 'hiding'
      this.#body.begin(this.exchange.request.isHttp1, true)
      removeRepresentationFields(response)
      response.statusCode = 304
      this.#writeHead(304)
      if (plan.isCut) this.#endHidden()
    } else {
      this.#mode = plan.collect ? 'collecting' : 'passing'
      if (plan.collect) this.#body.begin(this.exchange.request.isHttp1, false)
      this.#forwardHead(status, reason)
    }
    // Layers outside of ours speak inside writeHead: a session's cookie comes that late (C-7, C-9).
    if (plan.collect && this.#hasOuterLayers) {
      this.exchange.forbid(changesSince(response, this.#before))
    }
  }

  #plan(status: number, reason: string | undefined): HeadPlan | undefined {
    const head = { status, reason, before: this.#before, hasTrailers: this.#hasTrailers }
    const plan = planOf(this.exchange, this.#request, this.#response, head, this.#body)
    if (plan === undefined) this.#mode = 'passing'
    return plan
  }

  #forwardHead(status: number, reason: string | undefined): ServerResponse {
    return reason === undefined ? this.#writeHead(status) : this.#writeHead(status, reason)
  }

  #onWrite(chunk: unknown, ...rest: unknown[]): boolean {
    const isPiece = isChunk(chunk, !this.exchange.request.isHttp1)
    if (this.#isEnding || !isPiece) return this.#write(chunk, ...rest)
    if (this.#mode === 'waiting') this.#writeImplicitHead(undefined)
    if (this.#mode === 'hiding' || this.#mode === 'dropping' || this.#mode === 'serving') {
      this.#keep(chunk, rest[0])
      this.#drain.written(rest)
      return this.#mode === 'hiding' || this.#drain.slowDown()
    }
    this.#body.noteHead(chunk, rest[0])
    this.#body.enter()
    let isTaken: boolean
    try {
      isTaken = this.#write(chunk, ...rest)
    } finally {
      this.#body.leave()
    }
    this.#keep(chunk, rest[0])
    return isTaken
  }

  #onEnd(...args: unknown[]): ServerResponse {
    if (this.#hasEnded || this.#isEnding) return this.#end(...args)
    if (this.#served) return this.#serveInstead(this.#served, args)
    const [given] = args
    const chunk = isChunk(given, !this.exchange.request.isHttp1) ? given : undefined
    // What Node will refuse must not cost the head, which an error page may need.
    if (given && chunk === undefined && typeof given !== 'function') return this.#end(...args)
    const isCut = this.#body.isCut()
    if (this.#mode === 'waiting') this.#writeImplicitHead(args)
    this.#hasEnded = true
    // An empty text is to end() as if there were none.
    this.#body.noteHead(chunk === '' ? undefined : chunk, args[1])
    if (chunk !== undefined) this.#keep(chunk, args[1])
    this.#isEnding = true
    this.#body.enter()
    try {
      if (this.#mode === 'dropping') this.#drain.ended(args)
      else this.#end(...(this.#mode === 'hiding' ? callbacksIn(args) : args))
    } catch (error) {
      this.#fail()
      throw error
    } finally {
      this.#isEnding = false
      this.#body.leave()
    }
    this.#complete(isCut)
    return this.#response
  }

  /** The client has its bytes by now: what storing costs is not on its time. */
  #complete(isCut: boolean): void {
    const { exchange } = this
    const isWhole = this.#mode === 'collecting' || this.#mode === 'hiding'
    conclude(exchange, () => {
      if (this.#body.isHeadText) exchange.headWasText()
      const body = isWhole ? this.#body.ended(isCut) : undefined
      if (body === undefined) exchange.end()
      else if (Buffer.isBuffer(body)) exchange.complete(body)
      else exchange.refuse(body.reason, body.detail)
    })
    this.#body.drop()
  }

  /** end() threw: the error is the application's, and so is the page that it answers with. */
  #fail(): void {
    this.#hasEnded = false
    this.#mode = 'passing'
    this.#body.drop()
    this.#refuse('error', 'end() threw')
    if (takeBackHead(this.#request, this.#response) && this.#existing) {
      restore(this.#response, this.#existing)
    }
  }

  #refuse(reason: UncacheableReason, detail?: string): void {
    conclude(this.exchange, () => this.exchange.refuse(reason, detail))
  }

  #serveInstead({ stored, report }: Served, args: unknown[]): ServerResponse {
    this.#hasEnded = true
    this.#drain.ended(args)
    this.#deliver(stored, report)
    return this.#response
  }

  /** Before the first byte the head must be decided, for the decision may be to send none of the application's bytes. */
  #writeImplicitHead(endArguments: unknown[] | undefined): void {
    const response = this.#response
    if (response.headersSent) {
      // By a prototype's method: its fields were never judged.
      if (this.exchange.isPassing) this.#plan(response.statusCode, undefined)
      this.#mode = 'passing'
      this.#refuse('incomplete', 'the head was sent beside writeHead()')
      return
    }
    if (endArguments !== undefined) this.#body.announce(endArguments)
    response.writeHead(response.statusCode)
  }

  #keep(chunk: Chunk, encoding: unknown): void {
    if (this.#mode !== 'collecting' && this.#mode !== 'hiding') return
    const refusal = this.#body.keep(chunk, encoding)
    if (refusal === undefined) return
    this.#refuse(refusal.reason, refusal.detail)
    if (this.#mode === 'hiding') this.#endHidden()
    else this.#mode = 'passing'
  }

  /** Nobody needs more of the body: the client has its 304, and whatever makes the rest is told to stop. */
  #endHidden(): void {
    this.#mode = 'dropping'
    // Frameworks destroy a stream of theirs when the response is finished; what is merely piped would stay open for good.
    this.#response.on('unpipe', (source: Readable) => source.destroy())
    this.#end()
    conclude(this.exchange, () => this.exchange.end())
  }

  #deliver(stored: StoredResponse, report: Report): void {
    const { cache, request } = this.exchange
    const writer = { writeHead: this.#writeHead, end: this.#end }
    deliver(request, this.#response, stored, cache.settings, report, writer)
  }
}
