import type { ReadTracker } from '../../request/read-tracker.ts'
import type { Errand } from './errand.ts'
import { Backdrop } from './inspection.ts'

type Below = (...args: never[]) => unknown

/** Whose cookies are observed. */
interface Owner {
  readonly observation: ReadTracker | undefined
  readonly errand: Errand
}

/**
 * Notes the reads of parsed cookies: single names one by one, an enumeration as the whole header. The look of whoever parsed
 * them through all of them, on the way to their place, is none.
 */
export class JarObserver implements ProxyHandler<object> {
  readonly #jar: object
  readonly #owner: Owner
  readonly #backdrop: Backdrop

  private constructor(jar: object, backdrop: Backdrop, owner: Owner) {
    this.#jar = jar
    this.#owner = owner
    this.#backdrop = backdrop
  }

  /** The jar behind an observer, who sees also who prints it. */
  static proxy(jar: object, owner: Owner): object {
    const note = (): void => owner.observation?.allCookies(Reflect.ownKeys(jar).length > 0)
    return Backdrop.proxy(jar, note, (backdrop) => new JarObserver(jar, backdrop, owner))
  }

  get(_target: object, name: string | symbol): unknown {
    if (!this.#owner.errand.isStep()) this.#note(name, JarObserver.prototype.get)
    return Reflect.get(this.#jar, name)
  }

  set(_target: object, name: string | symbol, value: unknown): boolean {
    return Reflect.set(this.#jar, name, value)
  }

  has(_target: object, name: string | symbol): boolean {
    this.#note(name, JarObserver.prototype.has)
    return Reflect.has(this.#jar, name)
  }

  ownKeys(): (string | symbol)[] {
    const { errand, observation } = this.#owner
    const keys = Reflect.ownKeys(this.#jar)
    if (!errand.walks(keys.length, JarObserver.prototype.ownKeys)) {
      observation?.allCookies(keys.length > 0)
    }
    this.#backdrop.told()
    return keys
  }

  getOwnPropertyDescriptor(_target: object, name: string | symbol): PropertyDescriptor | undefined {
    if (!this.#owner.errand.isWalking) {
      this.#note(name, JarObserver.prototype.getOwnPropertyDescriptor)
    }
    return Reflect.getOwnPropertyDescriptor(this.#jar, name)
  }

  #note(name: string | symbol, below: Below): void {
    const { observation, errand } = this.#owner
    if (typeof name !== 'string' || !observation) return
    const read = (): void => observation.cookie(name)
    if (!errand.suspends(observation, below, read)) read()
  }
}
