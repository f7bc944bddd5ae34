/** Hears of the properties that nobody before it in a chain of prototypes has. */
export interface Listener {
  /** The names that it is interested in. */
  hears(name: string): boolean
  /** Somebody asks for it. @param below the function that was asked */
  asked(name: string, object: object, below: (...args: never[]) => unknown): void
  /** What is shown in place of what is inherited. */
  show?(name: string, object: object, parent: object): unknown
  /** Somebody sets it. @returns false where it is not the listener's */
  set?(name: string, value: unknown, object: object, parent: object): boolean
}

/**
 * Links in chains of prototypes, one for each prototype that comes after it. An object shows what it would show without: only
 * who asks for what it does not have itself passes by the link.
 */
export class PrototypeLinks {
  readonly #listener: Listener
  readonly #links = new WeakMap<object, object>()
  readonly #isLink = new WeakSet()

  constructor(listener: Listener) {
    this.#listener = listener
  }

  isLink(object: object): boolean {
    return this.#isLink.has(object)
  }

  /** Puts a link between the object and its prototype, if none follows it in the chain. */
  add(object: object): void {
    const parent = prototypeOf(object)
    for (let at = parent; at !== null; at = prototypeOf(at)) if (this.#isLink.has(at)) return
    if (parent !== null && Object.isExtensible(object)) {
      Object.setPrototypeOf(object, this.#before(parent))
    }
  }

  #before(parent: object): object {
    const existing = this.#links.get(parent)
    if (existing) return existing
    const listener = this.#listener
    const link = new Proxy(parent, {
      // On the stack it stands below the getters of those that come after it: `call-site.ts` knows it by its name.
      get: function cacheflowLink(target, name, object: object): unknown {
        if (typeof name === 'string' && listener.hears(name)) {
          listener.asked(name, object, cacheflowLink)
          if (listener.show) return listener.show(name, object, target)
        }
        return Reflect.get(target, name, object)
      },
      set(target, name, value, object: object): boolean {
        return (
          (typeof name === 'string' &&
            listener.hears(name) &&
            listener.set?.(name, value, object, target) === true) ||
          Reflect.set(target, name, value, object)
        )
      },
      // An object is still an instance of what it was.
      getPrototypeOf: (target) => target,
      // V8 lists for `for (key in object)` what a proxy in the chain has itself, and nothing of what comes after it.
      ownKeys: (target) => [...new Set([...Reflect.ownKeys(target), ...keysIn(target)])],
      getOwnPropertyDescriptor(target, name) {
        const own = Object.getOwnPropertyDescriptor(target, name)
        if (own) return own
        const property = inherited(prototypeOf(target), name)
        return property?.enumerable === true ? { ...property, configurable: true } : undefined
      },
    })
    this.#links.set(parent, link)
    this.#isLink.add(link)
    return link
  }
}

function keysIn(object: object): string[] {
  const keys: string[] = []
  for (const key in object) keys.push(key)
  return keys
}

export function prototypeOf(object: object): object | null {
  return Object.getPrototypeOf(object) as object | null
}

/** A property as the first of these has it that has it at all. */
export function inherited(
  object: object | null,
  name: string | symbol,
): PropertyDescriptor | undefined {
  for (let at = object; at !== null; at = prototypeOf(at)) {
    const property = Object.getOwnPropertyDescriptor(at, name)
    if (property) return property
  }
  return undefined
}
