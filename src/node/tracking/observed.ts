import type { ReadTracker } from '../../request/read-tracker.ts'
import type { RequestHeaders } from '../../http/header-fields.ts'
import { Errand } from './errand.ts'
import { SymbolSlot } from '../slot.ts'
import type { KnownReaders } from './reader.ts'

/** What an observed request keeps beside itself. */
export class Observed {
  readonly request: object
  readonly readers: KnownReaders
  /** The headers as they arrived: what look-up and storing go by, whatever the application makes of its own. */
  readonly original: RequestHeaders
  /** A copy, for the application to read and to change. */
  readonly own: Record<string, unknown>
  /** What the copy had under the names that are overridden. */
  readonly hidden: Map<string, unknown> = new Map()
  raw: unknown
  observation: ReadTracker | undefined
  /** Properties of the request that are observed, as others have set them. */
  readonly properties: Map<string, PropertyDescriptor> = new Map()
  readonly jars: WeakMap<object, object> = new WeakMap()
  readonly errand: Errand = new Errand()

  constructor(
    request: object,
    readers: KnownReaders,
    original: RequestHeaders,
    own: Record<string, unknown>,
  ) {
    this.request = request
    this.readers = readers
    this.original = original
    this.own = own
  }
}

const observed = new SymbolSlot<Observed>('observed')

export function keepObserved(state: Observed): void {
  observed.set(state.request, state)
}

/** Of the request itself: what inherits from it is another object. */
export function observedOf(request: object): Observed | undefined {
  const state = observed.get(request)
  return state?.request === request ? state : undefined
}

/** Of the request, or of the one that the object inherits from: it reads the same. */
export function observedBehind(object: object): Observed | undefined {
  return observed.get(object)
}
