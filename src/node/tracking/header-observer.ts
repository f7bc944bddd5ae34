import { plumbingFields } from '../../request/plumbing-fields.ts'
import type { ReadTracker } from '../../request/read-tracker.ts'
import { type Scope, currentScope } from '../../fragments/scope.ts'
import type { PageInput } from '../../fragments/page-input.ts'
import { isToken } from '../../values/token.ts'
import { Backdrop } from './inspection.ts'
import type { Observed } from './observed.ts'
import { isAsking } from './reader.ts'
import { isPlumbing } from './plumbing.ts'

type Below = (...args: never[]) => unknown

/** Notes every read of the headers that the application is given. */
export class HeaderObserver implements ProxyHandler<object> {
  readonly #headers: object
  readonly #state: Observed
  readonly #observation: ReadTracker
  /** What an enumeration still has to come to: the fields that it looks at one by one are no reads of their own. */
  #walk:
    | {
        readonly names: readonly string[]
        /** What was being made: whatever else looks at a field has not been told of the enumeration. */
        readonly scope: Scope | undefined
        got: number
        described: number
      }
    | undefined

  readonly #backdrop: Backdrop

  private constructor(
    headers: object,
    backdrop: Backdrop,
    state: Observed,
    observation: ReadTracker,
  ) {
    this.#headers = headers
    this.#backdrop = backdrop
    this.#state = state
    this.#observation = observation
  }

  /** The headers behind an observer, who sees also who prints them. */
  static proxy(headers: object, state: Observed, observation: ReadTracker): object {
    return Backdrop.proxy(
      headers,
      () => observation.enumeration(),
      (backdrop) => new HeaderObserver(headers, backdrop, state, observation),
    )
  }

  get(_target: object, name: string | symbol): unknown {
    const value: unknown = Reflect.get(this.#headers, name)
    if (!this.#isNext(name, 'got')) this.#note(name, HeaderObserver.prototype.get)
    return value
  }

  /** Straight to the headers: an assignment through the proxy would look like a read of the old value. */
  set(_target: object, name: string | symbol, value: unknown): boolean {
    return Reflect.set(this.#headers, name, value)
  }

  has(_target: object, name: string | symbol): boolean {
    this.#note(name, HeaderObserver.prototype.has)
    return Reflect.has(this.#headers, name)
  }

  ownKeys(): (string | symbol)[] {
    this.#observation.enumeration()
    this.#backdrop.told()
    const keys = Reflect.ownKeys(this.#headers)
    const names = keys.filter(isFieldName)
    this.#walk = { names, scope: currentScope(), got: 0, described: 0 }
    return keys
  }

  getOwnPropertyDescriptor(_target: object, name: string | symbol): PropertyDescriptor | undefined {
    if (!this.#isNext(name, 'described')) {
      this.#note(name, HeaderObserver.prototype.getOwnPropertyDescriptor)
    }
    return Reflect.getOwnPropertyDescriptor(this.#headers, name)
  }

  /** `Object.entries()`, spread and `for in` look at every field in its turn: told by the enumeration itself. */
  #isNext(name: string | symbol, step: 'got' | 'described'): boolean {
    const walk = this.#walk
    if (walk?.names[walk[step]] !== name || walk.scope !== currentScope()) return false
    walk[step]++
    return true
  }

  #note(name: string | symbol, below: Below): void {
    if (!isFieldName(name)) return
    const headers = this.#headers
    const isThere = Object.hasOwn(headers, name)
    const observation = this.#observation
    const input = ofPages.get(name)
    if (input !== undefined) {
      observation.page(input, name)
      return
    }
    if (!isThere && methods.has(name)) {
      observation.probe(name)
      return
    }
    const value = isThere
      ? (Reflect.get(headers, name) as string | string[] | undefined)
      : undefined
    const { errand, readers } = this.#state
    // A body that follows is a request of its own kind: what frames it is not asked for where there is none.
    const isFraming = name === 'content-length' || name === 'transfer-encoding'
    const isExcused =
      plumbingFields.has(name) && ((isFraming && value === undefined) || isPlumbing(below))
    // A router compares it with a host that it was given; a port that the system chose is none.
    if (name === 'host' && observation.heedsHost && isAsking(readers.routers, below)) {
      observation.page(':host', name)
      return
    }
    // Its outcome is the coding of the body: where that is done outside, it is no part of the page.
    if (name === 'accept-encoding' && isAsking(readers.coders, below)) {
      observation.coding()
      return
    }
    const read = (): void => observation.header(name, value, isExcused)
    if (name === 'cookie' && errand.suspends(observation, below, read)) return
    if (
      name === 'x-forwarded-for' &&
      errand.excusesLogger(readers, observation, name, below, read)
    ) {
      return
    }
    read()
  }
}

/**
 * Node writes the names of fields in lower case, so `constructor` can be one; `toJSON` and `hasOwnProperty` cannot. What is no token is no
 * field of any client, and nothing can vary by it; a colon begins the pseudo-fields of HTTP/2.
 */
function isFieldName(name: string | symbol): name is string {
  if (typeof name !== 'string' || name !== name.toLowerCase()) return false
  return isToken(name) || (name.startsWith(':') && isToken(name.slice(1)))
}

/** HTTP/2 has among its headers what is in the key of every page; Node takes `req.method` and `req.url` from here. */
const ofPages: ReadonlyMap<string, PageInput> = new Map([
  [':method', ':method'],
  [':path', ':url'],
])

/** Names by which code asks whether it was given headers of another kind, or a promise of some. */
const methods: ReadonlySet<string> = new Set([
  ...[...Object.getOwnPropertyNames(Headers.prototype), 'constructor'].filter(isFieldName),
  'raw',
  'then',
])
