import type { Observation } from '../flow/observation.ts'
import { keysOf, noteInspection } from './inspection.ts'
import { isCarrierReading } from './reader.ts'

/**
 * Notes the reads of parsed cookies: single names one by one, an enumeration as the whole header. cookie-parser's own
 * look through all of them for JSON is none.
 */
export class JarObserver implements ProxyHandler<object> {
  readonly #observation: Observation

  private constructor(observation: Observation) {
    this.#observation = observation
  }

  /** The jar behind an observer, who sees also who prints it. */
  static proxy(jar: object, observation: Observation): object {
    noteInspection(jar, () => observation.allCookies(keysOf(jar).length > 0))
    return new Proxy(jar, new JarObserver(observation))
  }

  get(jar: object, name: string | symbol): unknown {
    this.#note(name, JarObserver.prototype.get)
    return Reflect.get(jar, name)
  }

  set(jar: object, name: string | symbol, value: unknown): boolean {
    return Reflect.set(jar, name, value)
  }

  has(jar: object, name: string | symbol): boolean {
    this.#note(name, JarObserver.prototype.has)
    return Reflect.has(jar, name)
  }

  ownKeys(jar: object): (string | symbol)[] {
    if (!isCarrierReading(JarObserver.prototype.ownKeys)) {
      this.#observation.allCookies(keysOf(jar).length > 0)
    }
    return keysOf(jar)
  }

  getOwnPropertyDescriptor(jar: object, name: string | symbol): PropertyDescriptor | undefined {
    this.#note(name, JarObserver.prototype.getOwnPropertyDescriptor)
    return Reflect.getOwnPropertyDescriptor(jar, name)
  }

  #note(name: string | symbol, below: (...args: never[]) => unknown): void {
    if (typeof name === 'string' && !isCarrierReading(below)) this.#observation.cookie(name)
  }
}
