/**
 * What is known of one request or response, kept on the object itself under a symbol. A WeakMap would do the same, but
 * one entry per request in it costs the garbage collector more than answering the request costs us.
 */
export class SymbolSlot<Value> {
  readonly #symbol: symbol

  constructor(name: string) {
    this.#symbol = Symbol(`cacheflow.${name}`)
  }

  get(object: object): Value | undefined {
    return (object as Record<symbol, Value | undefined>)[this.#symbol]
  }

  set(object: object, value: Value): void {
    ;(object as Record<symbol, Value>)[this.#symbol] = value
  }
}
