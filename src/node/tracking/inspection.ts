import { inspect } from 'node:util'

/**
 * Makes console.log() and util.format() tell that they look: they look at objects beside all getters and proxies, but ask
 * first whether the object would rather show itself. It shows as if nobody had asked.
 */
export function inspectionDescriptor(note: (shown: object) => void): PropertyDescriptor {
  return {
    configurable: true,
    enumerable: false,
    writable: true,
    value(this: object): object {
      note(this)
      return this
    },
  }
}

/**
 * What stands behind an observer: console.dir() looks behind one proxy without asking it, and meets this one, behind which
 * there is nothing to see. After a list of keys that the observer itself has told, the engine asks here too.
 */
export class Backdrop implements ProxyHandler<object> {
  readonly #shown: object
  readonly #note: () => void
  /** Printers ask for it first. */
  readonly #custom: PropertyDescriptor
  #isTold = false

  private constructor(shown: object, note: () => void) {
    this.#shown = shown
    this.#note = note
    this.#custom = inspectionDescriptor(note)
  }

  /** The object behind two proxies, of which the first is the observer's. */
  static proxy(
    shown: object,
    note: () => void,
    observer: (backdrop: Backdrop) => ProxyHandler<object>,
  ): object {
    const backdrop = new Backdrop(shown, note)
    // What can grow no more cannot be shown by another object.
    const empty = Object.isExtensible(shown)
      ? (Object.create(Object.getPrototypeOf(shown) as object | null) as object)
      : shown
    if (empty !== shown) {
      Object.defineProperty(empty, inspect.custom, {
        ...backdrop.#custom,
        value: () => (note(), shown),
      })
    }
    return new Proxy(new Proxy(empty, backdrop), observer(backdrop))
  }

  /** The observer has noted it already. */
  told(): void {
    this.#isTold = true
  }

  ownKeys(): (string | symbol)[] {
    if (!this.#isTold) this.#note()
    this.#isTold = false
    return Reflect.ownKeys(this.#shown)
  }

  get(_empty: object, name: string | symbol): unknown {
    if (name === inspect.custom && !(name in this.#shown)) return this.#custom.value as unknown
    return Reflect.get(this.#shown, name)
  }

  set(_empty: object, name: string | symbol, value: unknown): boolean {
    return Reflect.set(this.#shown, name, value)
  }

  has(_empty: object, name: string | symbol): boolean {
    return Reflect.has(this.#shown, name)
  }

  getOwnPropertyDescriptor(empty: object, name: string | symbol): PropertyDescriptor | undefined {
    const property = Reflect.getOwnPropertyDescriptor(this.#shown, name)
    // What can change no more, the engine wants to see behind the proxy too.
    if (property?.configurable === false) Reflect.defineProperty(empty, name, property)
    return property
  }

  defineProperty(empty: object, name: string | symbol, property: PropertyDescriptor): boolean {
    if (!Reflect.defineProperty(this.#shown, name, property)) return false
    if (property.configurable !== true) this.getOwnPropertyDescriptor(empty, name)
    return true
  }

  deleteProperty(empty: object, name: string | symbol): boolean {
    return Reflect.deleteProperty(this.#shown, name) && Reflect.deleteProperty(empty, name)
  }

  preventExtensions(empty: object): boolean {
    Reflect.deleteProperty(empty, inspect.custom)
    Object.defineProperties(empty, Object.getOwnPropertyDescriptors(this.#shown))
    return Reflect.preventExtensions(this.#shown) && Reflect.preventExtensions(empty)
  }
}
