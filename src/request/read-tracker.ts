import { readerNow } from '../events/reader.ts'
import type { UncacheableReason } from '../events/reasons.ts'
import { type PageInput, pageInputOf } from '../fragments/page-input.ts'
import { ignoredHeaders } from './plumbing-fields.ts'
import { type Reader, noteRead } from '../fragments/scope.ts'

/** Reads that make a response private unless session() says who shares it. */
export interface PrivateRead {
  readonly reason: Extract<
    UncacheableReason,
    | 'credentials-read'
    | 'cookie-read'
    | 'session-read'
    | 'user-read'
    | 'headers-read'
    | 'connection-read'
  >
  readonly detail: string
  /** Whose code it was, as far as that was looked for. */
  readonly reader: string | undefined
}

/** More and longer names than any application reads of one request. */
export const MAX_INPUTS = 64
const MAX_INPUT_LENGTH = 256

/** What the application read of one request while it made the response. */
export class ReadTracker implements Reader {
  /** Set when its request comes to a cache. */
  served: Reader['served']
  readonly makings: Reader['makings'] = new Set()
  readonly #inputs = new Set<string>()
  readonly #ignored: ReadonlySet<string>
  readonly #credentials: ReadonlySet<string>
  /** One detail for each reason: the first. */
  readonly #privateReads = new Map<PrivateRead['reason'], PrivateRead>()
  #lateReads: Map<PrivateRead['reason'], PrivateRead> | undefined
  readonly #followers = new Set<ReadTracker>()
  /** Names of what was read and is not in the key: a response that shows its value is not stored. */
  readonly unkeyed: Set<string> = new Set()
  #leaders: ReadTracker[] | undefined
  #suspended: Set<() => void> | undefined
  /** When the response is judged, looks for what was set without being noted. */
  lastLook: (() => void) | undefined
  #hasReadRange = false
  #isWide = false
  /** Middleware that codes bodies has asked what the client accepts: a coded body is a variant. */
  isCoded = false
  /** More was read than a key can name: what a client chose, perhaps. Nothing of it is stored. */
  isBeyondBounds = false
  #quiet = 0
  #sealed = false

  constructor(ignored: ReadonlySet<string>, credentials: ReadonlySet<string>) {
    this.#ignored = ignored
    this.#credentials = credentials
  }

  /** Names of inputs: a header name in lower case, or `cookie:name`. */
  get inputs(): ReadonlySet<string> {
    this.#settle()
    return this.#inputs
  }

  /** The first private read: what follows is often its consequence. */
  get privateRead(): PrivateRead | undefined {
    this.#settle()
    const [first] = this.#privateReads.values()
    return first
  }

  /** Reads of the host count: the key does not have all of it. */
  heedsHost = false
  /** Reads of the version of HTTP count. As long as all clients speak one, they tell nobody apart, and need not be looked into. */
  heedsVersion = true

  /** The first private read of each reason, in order: what excuses one of them does not excuse the others. */
  get privateReads(): Iterable<PrivateRead> {
    this.#settle()
    return this.#privateReads.values()
  }

  /** Whose code read what is not stored for this reason. */
  readerOf(reason: UncacheableReason): string | undefined {
    for (const read of this.#privateReads.values()) if (read.reason === reason) return read.reader
    return undefined
  }

  /** Notes from now on once more what is private: session() has just said who shares. */
  beginLate(): void {
    this.#settle()
    this.#lateReads = new Map()
  }

  /** The first private read of each reason since session() said who shares. */
  get lateReads(): Iterable<PrivateRead> {
    this.#settle()
    return this.#lateReads?.values() ?? []
  }

  /** The observation of another cache, which notes from now on what is noted here. */
  relayTo(other: ReadTracker): void {
    if (other === this || this.#followers.has(other)) return
    this.#followers.add(other)
    other.#leaders ??= []
    other.#leaders.push(this)
    if (other.heedsVersion) this.heedsVersion = true
  }

  /** A read that counts when the response is judged, unless it was dropped by then. */
  suspend(read: () => void): void {
    ;(this.#suspended ??= new Set()).add(read)
  }

  drop(read: () => void): void {
    this.#suspended?.delete(read)
  }

  #settle(): void {
    for (const leader of this.#leaders ?? []) leader.#settle()
    this.lastLook?.()
    const suspended = this.#suspended
    this.#suspended = undefined
    for (const read of suspended ?? []) read()
  }

  /** The request has a Range, and the application has looked at it. */
  get hasReadRange(): boolean {
    this.#settle()
    return this.#hasReadRange || this.#isWide
  }

  /** The headers were enumerated: every field was read, those that are absent included. */
  get isWide(): boolean {
    this.#settle()
    return this.#isWide
  }
  get isSealed(): boolean {
    return this.#sealed
  }

  /** After the response was made: later reads (access logs) did not shape it. */
  seal(): void {
    this.#settle()
    this.#sealed = true
  }

  /** Runs framework code whose reads are known not to shape the response. */
  quietly<Result>(read: () => Result): Result {
    this.#quiet++
    try {
      return read()
    } finally {
      this.#quiet--
    }
  }

  /** @param isPlumbing read by code that does with the field what Node, the cache or a trace does anyway */
  header(name: string, value: string | string[] | undefined, isPlumbing = false): void {
    this.#relay((other) => other.header(name, value, isPlumbing))
    if (name === 'range' && value !== undefined && !this.#sealed) this.#hasReadRange = true
    if (!this.#listens(name)) return
    const isIgnored = ignoredHeaders.has(name) && !(this.heedsHost && name === 'host')
    if (isPlumbing || isIgnored) {
      if (isPlumbing && value !== undefined && !this.#sealed) this.unkeyed.add(name)
      // Every page has these in its key, or is not shaped by them; a fragment has nothing in its key.
      noteRead({ input: pageInputOf(name) ?? name, detail: name }, this)
      return
    }
    if (value !== undefined && this.#credentials.has(name)) {
      this.#private('credentials-read', name)
      return
    }
    if (value !== undefined && name === 'cookie')
      this.#private('cookie-read', 'the whole Cookie header')
    this.#input(name)
  }

  /** A name was asked for that no sane client sends: who sends it gets another variant, and nobody is told that there may be one. */
  probe(name: string): void {
    this.#relay((other) => other.probe(name))
    if (!this.#sealed && this.#listens('headers')) this.#inputs.add(`:probe:${name}`)
  }

  /** Middleware has asked which codings the client accepts, to code the body by it. */
  coding(): void {
    this.#relay((other) => other.coding())
    if (this.#quiet === 0 && !this.#sealed) this.isCoded = true
  }

  cookie(name: string): void {
    this.#relay((other) => other.cookie(name))
    if (this.#listens(`cookie:${name}`)) this.#input(`cookie:${name}`)
  }

  allCookies(present: boolean): void {
    this.header('cookie', present ? '' : undefined)
  }

  session(): void {
    this.#relay((other) => other.session())
    if (this.#quiet === 0) this.#private('session-read', 'req.session')
  }

  user(): void {
    this.#relay((other) => other.user())
    if (this.#quiet === 0) this.#private('user-read', 'req.user')
  }

  allHeaders(how: string): void {
    this.#relay((other) => other.allHeaders(how))
    if (this.#quiet === 0) this.#private('headers-read', how)
  }

  /**
   * The parsed headers were enumerated. No option excuses that: whoever copies them all may go on with any of them, and an absent
   * Cookie is not among what was copied.
   */
  enumeration(): void {
    this.#relay((other) => other.enumeration())
    if (this.#quiet > 0) return
    if (!this.#sealed) this.#isWide = true
    noteRead({ input: undefined, detail: 'all request headers' }, this)
  }

  /** The client's address: the peer's, or what X-Forwarded-For says where that is trusted. */
  address(): void {
    this.header('x-forwarded-for', undefined)
  }

  /** The version of HTTP that the client speaks: no field, but a variant like one. */
  version(): void {
    this.header(':version', undefined)
  }

  /** What every page has in its key, and a fragment only where its call says so. */
  page(input: PageInput, detail: string): void {
    this.#relay((other) => other.page(input, detail))
    // A connection is shared by requests, so that a read of it tells nothing of whose code it is.
    if (this.#quiet === 0) noteRead({ input, detail }, detail === 'encrypted' ? undefined : this)
  }

  /** What the client's connection proves or where it came in: no header that a later client sends could tell it. */
  connection(what: string): void {
    this.#relay((other) => other.connection(what))
    // Ports are in many a log; what a certificate proves is never left out for a whole cache.
    const isIgnored = this.#ignored.has('connection') && what.endsWith('Port')
    if (this.#quiet === 0 && !isIgnored) this.#private('connection-read', what)
  }

  #relay(tell: (other: ReadTracker) => void): void {
    if (this.#quiet === 0) for (const other of this.#followers) tell(other)
  }

  #listens(name: string): boolean {
    if (this.#quiet > 0) return false
    const isHeard = !this.#ignored.has(name)
    if (!isHeard && !this.#sealed) this.unkeyed.add(name)
    return isHeard
  }

  #input(name: string): void {
    if (!this.#sealed) {
      if (this.#inputs.size < MAX_INPUTS && name.length <= MAX_INPUT_LENGTH) this.#inputs.add(name)
      else if (!this.#inputs.has(name)) this.isBeyondBounds = true
    }
    // A fragment may be renewed when its page is out already.
    noteRead({ input: pageInputOf(name) ?? name, detail: name }, this)
  }

  #private(reason: PrivateRead['reason'], detail: string): void {
    if (!this.#sealed && !this.#privateReads.has(reason)) {
      this.#privateReads.set(reason, { reason, detail, reader: readerNow() })
    }
    if (!this.#sealed && this.#lateReads?.has(reason) === false) {
      this.#lateReads.set(reason, { reason, detail, reader: undefined })
    }
    noteRead({ input: undefined, detail }, this)
  }
}
