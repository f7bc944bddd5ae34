import type { Context } from 'koa'
import { SymbolSlot, type ReadTracker, PrototypeLinks, inherited } from '../../src/adapter.ts'
import { isStoredBySession } from './session-carrier.ts'

/** What an observed context keeps beside itself. */
interface Observed {
  readonly ctx: Context
  readonly observation: ReadTracker
  readonly jars: WeakMap<object, object>
  /** The session, where middleware has set one on the context. */
  session: unknown
}

const observed = new SymbolSlot<Observed>('context')
const users = new WeakMap<object, { readonly observation: ReadTracker; user: unknown }>()

/**
 * Koa's own ways to a visitor's data, which do not go through `req`: cookies by name, the session, the user. They are
 * observed beside the raw request, without a property that a context does not have.
 */
export function observeContext(ctx: Context, observation: ReadTracker): void {
  const state: Observed = { ctx, observation, jars: new WeakMap(), session: undefined }
  observed.set(ctx, state)
  observed.set(ctx.request, state)
  const existing = Object.getOwnPropertyDescriptor(ctx, 'session')
  if (existing && 'value' in existing && existing.configurable === true) {
    state.session = existing.value
    Object.defineProperty(ctx, 'session', session)
  }
  contexts.add(ctx)
  requests.add(ctx.request)
  observeState(ctx.state, observation)
  const { lastLook } = observation
  observation.lastLook = () => {
    lastLook?.()
    judge(state)
  }
  // It keeps the headers as it found them, and looks there for an Accept before it asks for one.
  const accept: unknown = Reflect.get(ctx.request, '_accept')
  if (typeof accept === 'object' && accept !== null) Reflect.set(accept, 'headers', ctx.req.headers)
}

/** What was set without our hearing of it was not observed since, and may have been read. */
function judge({ ctx, observation }: Observed): void {
  if (isThere(ctx, 'session')) observation.session()
  if (isThere(ctx.state, 'user')) observation.user()
}

function isThere(object: unknown, name: string): boolean {
  if (typeof object !== 'object' || object === null) return false
  const value: unknown = Object.getOwnPropertyDescriptor(object, name)?.value
  return value !== undefined && value !== null
}

const contexts = new PrototypeLinks({
  hears: (name) => name === 'session' || name === 'cookies',
  asked(name, ctx) {
    if (name === 'session') observed.get(ctx)?.observation.session()
  },
  show(name, ctx, parent) {
    const state = name === 'cookies' ? observed.get(ctx) : undefined
    return state ? cookiesOf(state, parent, ctx) : (Reflect.get(parent, name, ctx) as unknown)
  },
  set(name, value, ctx, parent) {
    const state = observed.get(ctx)
    if (name !== 'session' || state?.ctx !== ctx || inherited(parent, name)?.set) return false
    state.session = value
    Object.defineProperty(ctx, 'session', session)
    return true
  },
})

const session: PropertyDescriptor = {
  configurable: true,
  enumerable: true,
  get(this: object): unknown {
    const state = observed.get(this)
    state?.observation.session()
    return state?.session
  },
  set(this: object, value: unknown): void {
    const state = observed.get(this)
    if (state) state.session = value
  },
}

/**
 * What Koa remembers of a request once it was asked. key() and session() may have asked first, and what they read is in the
 * key by what they made of it alone.
 */
const requests = new PrototypeLinks({
  hears: (name) => name === 'ip',
  asked(_name, request) {
    const { ctx, observation } = observed.get(request) ?? {}
    if (!ctx || !observation) return
    observation.address()
    if (ctx.app.proxy) observation.header(ctx.app.proxyIpHeader.toLowerCase(), undefined)
  },
})

function cookiesOf({ observation, jars }: Observed, parent: object, ctx: object): unknown {
  // Making the jar reads the protocol, which is part of the key.
  const jar: unknown = observation.quietly((): unknown => Reflect.get(parent, 'cookies', ctx))
  if (typeof jar !== 'object' || jar === null) return jar
  const known = jars.get(jar) ?? observedJar(jar, ctx, observation)
  jars.set(jar, known)
  return known
}

/** `ctx.cookies.get(name)` notes the name, and the signature's where it is checked. */
function observedJar(jar: object, ctx: object, observation: ReadTracker): object {
  return new Proxy(jar, {
    get(target: object, name: string | symbol): unknown {
      const value: unknown = Reflect.get(target, name, target)
      if (typeof value !== 'function') return value
      if (name !== 'get') return value.bind(target)
      const get = (cookie: string, options?: { signed?: boolean }): unknown => {
        if (!isStoredBySession(ctx, get)) {
          observation.cookie(cookie)
          if (options?.signed !== false) observation.cookie(`${cookie}.sig`)
        }
        return observation.quietly((): unknown => value.call(target, cookie, options))
      }
      return get
    },
  })
}

function observeState(state: Record<string, unknown>, observation: ReadTracker): void {
  const existing = Object.getOwnPropertyDescriptor(state, 'user')
  users.set(state, { observation, user: existing?.value })
  if (existing) {
    if (existing.configurable === true && 'value' in existing)
      Object.defineProperty(state, 'user', user)
  } else states.add(state)
}

const states = new PrototypeLinks({
  hears: (name) => name === 'user',
  asked: (_name, state) => users.get(state)?.observation.user(),
  set(_name, value, state) {
    const kept = users.get(state)
    if (!kept) return false
    kept.user = value
    Object.defineProperty(state, 'user', user)
    return true
  },
})

const user: PropertyDescriptor = {
  configurable: true,
  enumerable: true,
  get(this: object): unknown {
    const kept = users.get(this)
    kept?.observation.user()
    return kept?.user
  },
  set(this: object, value: unknown): void {
    const kept = users.get(this)
    if (kept) kept.user = value
  },
}
