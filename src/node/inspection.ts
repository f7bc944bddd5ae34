import { inspect } from 'node:util'

/**
 * Makes console.log() and util.format() tell that they look: they look at objects beside all getters and proxies, but ask
 * first whether the object would rather show itself. It shows as if nobody had asked.
 *
 * @param target the object itself, which the proxy before it hides
 */
export function noteInspection(target: object, note: () => void): void {
  // What shows itself reads through the proxy; what is frozen cannot be told anything.
  if (inspect.custom in target || !Object.isExtensible(target)) return
  Object.defineProperty(target, inspect.custom, inspectionDescriptor(note))
}

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

/** The keys that were there before; of what can grow no more, all that are there must be told. */
export function keysOf(target: object): (string | symbol)[] {
  const keys = Reflect.ownKeys(target)
  return Object.isExtensible(target) ? keys.filter((key) => key !== inspect.custom) : keys
}
