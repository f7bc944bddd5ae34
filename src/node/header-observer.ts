import { type Observation, plumbingFields } from '../flow/observation.ts'
import { isToken } from '../http/token.ts'
import { keysOf, noteInspection } from './inspection.ts'
import { isPlumbing } from './plumbing.ts'
import { isCarrierReading, isLoggerReading } from './reader.ts'

/** Notes every read of the headers that the application is given. */
export class HeaderObserver implements ProxyHandler<object> {
  readonly #observation: Observation
  /** What an enumeration still has to come to: the fields that it looks at one by one are no reads of their own. */
  #walk: { readonly names: readonly string[]; got: number; described: number } | undefined

  private constructor(observation: Observation) {
    this.#observation = observation
  }

  /** The headers behind an observer, who sees also who prints them. */
  static proxy(headers: object, observation: Observation): object {
    noteInspection(headers, () => observation.enumeration())
    return new Proxy(headers, new HeaderObserver(observation))
  }

  get(headers: object, name: string | symbol): unknown {
    const value: unknown = Reflect.get(headers, name)
    if (isFieldName(name) && !this.#isNext(name, 'got')) {
      this.#note(name, headers, HeaderObserver.prototype.get)
    }
    return value
  }

  /** Straight to the headers: an assignment through the proxy would look like a read of the old value. */
  set(headers: object, name: string | symbol, value: unknown): boolean {
    return Reflect.set(headers, name, value)
  }

  has(headers: object, name: string | symbol): boolean {
    if (isFieldName(name)) this.#note(name, headers, HeaderObserver.prototype.has)
    return Reflect.has(headers, name)
  }

  ownKeys(headers: object): (string | symbol)[] {
    this.#observation.enumeration()
    const keys = keysOf(headers)
    this.#walk = { names: keys.filter(isFieldName), got: 0, described: 0 }
    return keys
  }

  getOwnPropertyDescriptor(headers: object, name: string | symbol): PropertyDescriptor | undefined {
    if (isFieldName(name) && !this.#isNext(name, 'described')) {
      this.#note(name, headers, HeaderObserver.prototype.getOwnPropertyDescriptor)
    }
    return Reflect.getOwnPropertyDescriptor(headers, name)
  }

  /** `Object.entries()`, spread and `for in` look at every field in its turn: told by the enumeration itself. */
  #isNext(name: string, turn: 'got' | 'described'): boolean {
    const walk = this.#walk
    if (walk?.names[walk[turn]] !== name) return false
    walk[turn]++
    return true
  }

  #note(name: string, headers: object, below: (...args: never[]) => unknown): void {
    if (name === 'cookie' && isCarrierReading(below)) return
    if (name === 'x-forwarded-for' && isLoggerReading(below)) return
    const value: unknown = Object.hasOwn(headers, name) ? Reflect.get(headers, name) : undefined
    // A body that follows is a request of its own kind: what frames it is not asked for where there is none.
    const isFraming = name === 'content-length' || name === 'transfer-encoding'
    const isExcused =
      plumbingFields.has(name) && ((isFraming && value === undefined) || isPlumbing(below))
    this.#observation.header(name, value as string | string[] | undefined, isExcused)
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
