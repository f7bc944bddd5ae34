import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Readable } from 'node:stream'
import type { HeadPlan } from '../flow/exchange-facts.ts'
import type { Exchange } from '../flow/exchange.ts'
import type { StoredResponse } from '../http/stored-response.ts'
import { BodyCopy } from './body-copy.ts'
import { type Report, deliver } from './delivery.ts'
import { Drain } from './drain.ts'
import { type Chunk, derivesLength, isChunk, lengthOf, sendsHeadAsText } from './framing.ts'
import {
  type HeaderSnapshot,
  changesSince,
  removeRepresentationFields,
  restore,
  setField,
  snapshot,
} from './header-snapshot.ts'
import { watchTrailers } from './trailers.ts'
import { dropFields, takeHead } from './write-head.ts'

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
export class Capture<Native> {
  exchange: Exchange<Native>
  readonly #request: IncomingMessage
  readonly #response: ServerResponse
  readonly #before: HeaderSnapshot
  readonly #hasOuterLayers: boolean
  readonly #writeHead: WriteHead
  readonly #write: Write
  readonly #end: End
  #mode: Mode = 'waiting'
  readonly #copy: BodyCopy
  /** Known with the first chunk. */
  #isHeadText: boolean | undefined
  #hasTrailers = false
  #isEnding = false
  #ended = false
  readonly #drain: Drain
  #served: Served | undefined

  constructor(request: IncomingMessage, response: ServerResponse, exchange: Exchange<Native>) {
    this.exchange = exchange
    this.#request = request
    this.#response = response
    this.#before = snapshot(response)
    this.#copy = new BodyCopy(exchange.cache.store.maxEntrySize)
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
      if (this.#mode !== 'waiting') this.exchange.refuse('trailers')
    })
    response.once('close', () => {
      // What is made for nobody may be cut short without a sign: Koa ends it with no body at all.
      if (this.#ended) return
      this.#conclude(() => this.exchange.refuse('incomplete', 'the connection closed'))
    })
  }

  /**
   * Sends a stored response in place of what the framework is about to end, where a route was found to have one: layers between
   * the cache and the route hear of head and end as ever, so that sessions are saved and logs are written.
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
    if (!plan) return this.#passHead(status, reason)
    const standing = snapshot(response)
    try {
      this.#carryOut(plan, status, reason)
    } catch (error) {
      // Node or an outer layer refused the head. What the framework answers then is another response than this one.
      this.#mode = 'passing'
      this.#conclude(() => this.exchange.refuse('fault', 'the head could not be sent'))
      response.statusCode = status
      if (!response.headersSent) {
        if (isAlone) dropFields(response)
        else restore(response, standing)
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
      removeRepresentationFields(response)
      response.statusCode = 304
      this.#writeHead(304)
      if (plan.isCut) this.#endHidden()
    } else {
      this.#mode = plan.collect ? 'collecting' : 'passing'
      this.#passHead(status, reason)
    }
    // Layers outside of ours speak inside writeHead: a session's cookie comes that late (C-7, C-9).
    if (plan.collect && this.#hasOuterLayers) {
      this.exchange.veto(changesSince(response, this.#before))
    }
  }

  #plan(status: number, reason: string | undefined): HeadPlan | undefined {
    try {
      const changes = changesSince(this.#response, this.#before)
      return this.exchange.head({
        status,
        statusMessage: reason ?? this.#statusMessage,
        ...changes,
        // Trailers need no Trailer field to announce them (RFC 9110 §6.6.2).
        ...(this.#hasTrailers && { fields: [...changes.fields, 'Trailer', ''] }),
        method: this.#request.method ?? '',
      })
    } catch (error) {
      this.exchange.cache.fault(error, 'judging a response')
      this.exchange.refuse('fault')
      this.#mode = 'passing'
      return undefined
    }
  }

  /** HTTP/2 has none, and warns whoever asks (RFC 9113 §8.3.1). */
  get #statusMessage(): string | undefined {
    if (!this.exchange.request.isHttp1) return undefined
    return this.#response.statusMessage || undefined
  }

  #passHead(status: number, reason: string | undefined): ServerResponse {
    return reason === undefined ? this.#writeHead(status) : this.#writeHead(status, reason)
  }

  #onWrite(chunk: unknown, ...rest: unknown[]): boolean {
    if (this.#isEnding || !isChunk(chunk)) return this.#write(chunk, ...rest)
    if (this.#mode === 'waiting') this.#writeImplicitHead(undefined)
    if (this.#mode === 'hiding' || this.#mode === 'dropping' || this.#mode === 'serving') {
      this.#keep(chunk, rest[0])
      const callback = rest.find((value) => typeof value === 'function')
      if (callback) process.nextTick(callback)
      return this.#mode === 'hiding' || this.#drain.slowDown()
    }
    this.#noteHead(chunk, rest[0])
    const isTaken = this.#write(chunk, ...rest)
    this.#keep(chunk, rest[0])
    return isTaken
  }

  #onEnd(...args: unknown[]): ServerResponse {
    if (this.#ended || this.#isEnding) return this.#end(...args)
    if (this.#served) return this.#serveInstead(this.#served, args)
    // What Node will refuse must not cost the head, which an error page may need.
    if (args[0] && !isChunk(args[0]) && typeof args[0] !== 'function') return this.#end(...args)
    const chunk = isChunk(args[0]) ? args[0] : undefined
    if (this.#mode === 'waiting') this.#writeImplicitHead(args)
    this.#ended = true
    // An empty text is to end() as if there were none.
    this.#noteHead(chunk === '' ? undefined : chunk, args[1])
    if (chunk !== undefined) this.#keep(chunk, args[1])
    this.#isEnding = true
    try {
      if (this.#mode === 'dropping') this.#callBack(args)
      else if (this.#mode === 'hiding')
        this.#end(...args.filter((value) => typeof value === 'function'))
      else this.#end(...args)
    } finally {
      this.#isEnding = false
    }
    // The client has its bytes by now: what storing costs is not on its time.
    const isWhole = this.#mode === 'collecting' || this.#mode === 'hiding'
    this.#conclude(() => {
      if (this.#isHeadText === true) this.exchange.headWasText()
      if (isWhole) this.exchange.complete(this.#copy.bytes())
      else this.exchange.end()
    })
    this.#copy.drop()
    return this.#response
  }

  #serveInstead({ stored, report }: Served, args: unknown[]): ServerResponse {
    this.#ended = true
    this.#callBack(args)
    this.#deliver(stored, report)
    return this.#response
  }

  /** By now the response is on its way: what goes wrong in the cache is told, and nobody's error. */
  #conclude(act: () => void): void {
    try {
      act()
    } catch (error) {
      this.exchange.cache.fault(error, 'ending an exchange')
      this.exchange.release()
    }
  }

  #callBack(args: unknown[]): void {
    const callback = args.find((value) => typeof value === 'function')
    if (!callback) return
    if (this.#response.writableFinished) process.nextTick(callback)
    else this.#response.once('finish', callback as () => void)
  }

  /**
   * Before the first byte the head must be decided, for the decision may be to send none of the application's bytes.
   * Node would have derived Content-Length from a body given to end() alone: that stays so.
   */
  #writeImplicitHead(endArguments: unknown[] | undefined): void {
    const response = this.#response
    if (endArguments !== undefined && derivesLength(this.#request, response)) {
      const [chunk, encoding] = endArguments
      response.setHeader('Content-Length', isChunk(chunk) ? lengthOf(chunk, encoding) : 0)
    }
    response.writeHead(response.statusCode)
  }

  #noteHead(chunk: Chunk | undefined, encoding: unknown): void {
    if (this.#mode !== 'collecting') return
    this.#isHeadText ??= sendsHeadAsText(this.#response, chunk, encoding)
  }

  #keep(chunk: Chunk, encoding: unknown): void {
    if (this.#mode !== 'collecting' && this.#mode !== 'hiding') return
    if (this.#copy.add(chunk, encoding)) return
    this.exchange.refuse('too-large', `over ${this.#copy.limit} bytes`)
    if (this.#mode === 'hiding') this.#endHidden()
    else this.#mode = 'passing'
  }

  /** Nobody needs more of the body: the client has its 304, and whatever makes the rest is told to stop. */
  #endHidden(): void {
    this.#mode = 'dropping'
    // Frameworks destroy a stream of theirs when the response is finished; what is merely piped would stay open for good.
    this.#response.on('unpipe', (source: Readable) => source.destroy())
    this.#end()
    this.#conclude(() => this.exchange.end())
  }

  #deliver(stored: StoredResponse, report: Report): void {
    const { cache, request } = this.exchange
    const writer = { writeHead: this.#writeHead, end: this.#end }
    deliver(request, this.#response, stored, cache.settings, report, writer)
  }
}
