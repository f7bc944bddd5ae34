import type { ReadTracker } from '../../request/read-tracker.ts'
import { JarObserver } from './jar-observer.ts'
import { type Observed, observedBehind, observedOf } from './observed.ts'
import { PrototypeLinks, inherited, prototypeOf } from './prototype-links.ts'
import { type KnownReaders, fileReading, loggerReading } from './reader.ts'

/** What a read of a property tells: cookies by name, the session, the user, or the client's address. */
type Kind = 'jar' | 'session' | 'user' | 'address'
type Below = (...args: never[]) => unknown

/**
 * Notes the reads of what middleware puts on a request: cookies, session, user. While nothing is there, nothing can be seen
 * there either: a link in the chain of prototypes, after all that have the name, hears of who asks and of who sets. What is
 * set becomes a property of the request itself, as it would without us, and is observed there.
 */
export class PropertyObserver {
  readonly #kinds: Map<string, Kind> = new Map([
    ['cookies', 'jar'],
    ['signedCookies', 'jar'],
    ['session', 'session'],
    // Told to everybody, also where the session itself is never asked for.
    ['sessionID', 'session'],
    ['user', 'user'],
  ])
  readonly #links: PrototypeLinks
  readonly #descriptors = new Map<string, PropertyDescriptor>()

  private constructor(readers: KnownReaders) {
    for (const { keeps } of readers.loggers) this.#kinds.set(keeps, 'address')
    this.#links = new PrototypeLinks({
      hears: (name) => this.#kinds.has(name),
      asked: (name, request, below) => this.#noteAbsent(name, request, below),
      set: (name, value, request, parent) => {
        const state = observedOf(request)
        if (!state?.observation || inherited(parent, name)?.set) return false
        this.#define(request, name, true)
        put(state, name, value)
        return true
      },
    })
  }

  static readonly #all = new WeakMap<KnownReaders, PropertyObserver>()

  static for(readers: KnownReaders): PropertyObserver {
    const existing = PropertyObserver.#all.get(readers)
    if (existing) return existing
    const made = new PropertyObserver(readers)
    PropertyObserver.#all.set(readers, made)
    return made
  }

  /** Observes all requests that will inherit from this prototype. */
  watch(prototype: object): void {
    this.#links.add(prototype)
  }

  /** Observes one request. @param prototype what the framework will give it, where it does */
  begin(state: Observed, prototype: object | undefined): void {
    const { request } = state
    const parent = prototype ?? prototypeOf(request)
    for (const name of this.#kinds.keys()) {
      const existing = Object.getOwnPropertyDescriptor(request, name)
      if (existing) state.properties.set(name, existing)
      // Defined for all requests of an application, nearer than the link.
      if (existing?.configurable ?? this.#isNearer(parent, name)) {
        this.#define(request, name, existing?.enumerable ?? false)
      }
    }
    if (prototype === undefined) this.#links.add(request)
  }

  /** What others have set without our hearing of it was not observed since, and may have been read. */
  settle({ request, observation }: Observed): void {
    if (!observation) return
    for (const [name, kind] of this.#kinds) {
      const property = Object.getOwnPropertyDescriptor(request, name)
      const value: unknown = property?.value
      if (value !== undefined && value !== null) this.#noteAll(kind, observation)
    }
  }

  #noteAll(kind: Kind, observation: ReadTracker): void {
    if (kind === 'jar') observation.allCookies(true)
    else observation[kind]()
  }

  #isNearer(prototype: object | null, name: string): boolean {
    for (let at = prototype; at !== null && !this.#links.isLink(at); at = prototypeOf(at)) {
      if (Object.hasOwn(at, name)) return true
    }
    return false
  }

  #noteAbsent(name: string, asked: object, below: Below): void {
    const state = observedBehind(asked)
    const kind = this.#kinds.get(name)
    const observation = state?.observation
    if (!state || !observation) return
    const { errand, readers } = state
    if (state.request === asked && errand.begin(readers.passThrough, name, below)) return
    if (kind === 'session' || kind === 'user') this.#note(state, observation, kind, below)
  }

  #note(state: Observed, observation: ReadTracker, kind: Kind, below: Below): void {
    // Once the response is judged, only a fragment that is made anew can hear of it.
    const { isSealed } = observation
    if (kind === 'session') {
      const isOwn =
        !isSealed &&
        state.readers.passThrough.some(
          (each) => each.keeps === 'session' && fileReading(each.package, below) !== undefined,
        )
      if (!isOwn) observation.session()
    } else if (kind === 'user') observation.user()
    else if (isSealed || loggerReading(state.readers, below) === undefined) observation.address()
  }

  #define(request: object, name: string, enumerable: boolean): void {
    const known = this.#descriptors.get(name) ?? this.#descriptor(name)
    this.#descriptors.set(name, known)
    Object.defineProperty(request, name, { ...known, enumerable })
  }

  #descriptor(name: string): PropertyDescriptor {
    const kind = this.#kinds.get(name) ?? 'user'
    const note = this.#note.bind(this)
    return {
      configurable: true,
      get: function read(this: object): unknown {
        const state = observedBehind(this)
        const observation = state?.observation
        if (state && observation && kind !== 'jar') note(state, observation, kind, read)
        const value = valueOf(this, state, name)
        return kind === 'jar' && state ? observedJar(state, value) : value
      },
      set(this: object, value: unknown): void {
        const state = observedOf(this)
        if (state) put(state, name, value)
        else {
          const own = { value, writable: true, enumerable: true, configurable: true }
          Object.defineProperty(this, name, own)
        }
      },
    }
  }
}

function observedJar(state: Observed, jar: unknown): unknown {
  if (!state.observation || typeof jar !== 'object' || jar === null) return jar
  const known = state.jars.get(jar)
  if (known) return known
  const proxy = JarObserver.proxy(jar, state)
  state.jars.set(jar, proxy)
  // A carrier gives back the jar that it was given, and that is observed already.
  state.jars.set(proxy, proxy)
  return proxy
}

/** The value another middleware gave to a property that ours stands before, else the one that the request inherits. */
function valueOf(object: object, state: Observed | undefined, name: string): unknown {
  const property = state?.properties.get(name)
  if (property) return property.get ? property.get.call(object) : property.value
  const getter = inherited(prototypeOf(state?.request ?? object), name)
  return getter?.get ? getter.get.call(object) : getter?.value
}

function put(state: Observed, name: string, value: unknown): void {
  const { observation, properties, request } = state
  const setter = (properties.get(name) ?? inherited(prototypeOf(request), name))?.set
  if (setter) setter.call(request, value)
  else properties.set(name, { value })
  if (!observation) return
  state.errand.set(name, request, observation)
  state.errand.keepNoted(state.readers.loggers, name, observation)
}
