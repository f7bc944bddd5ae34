import type { Context } from 'koa'
import { type Observation, isCarrierReading } from '../../src/adapter.ts'

/**
 * Koa's own ways to a visitor's data, which do not go through `req`: cookies by name, the session, the user. They are
 * observed beside the raw request.
 */
export function observeContext(ctx: Context, observation: Observation): void {
  const jarOf = inheritedGetter(ctx, 'cookies')
  const jars = new WeakMap<object, object>()
  let ownJar: object | undefined
  Object.defineProperty(ctx, 'cookies', {
    configurable: true,
    enumerable: true,
    get(): unknown {
      // Making the jar reads the protocol, which is part of the key.
      const jar: unknown = ownJar ?? observation.quietly(() => jarOf.call(ctx))
      if (typeof jar !== 'object' || jar === null) return jar
      const known = jars.get(jar) ?? observedJar(jar, observation)
      jars.set(jar, known)
      return known
    },
    set(jar: object): void {
      ownJar = jar
    },
  })
  observeRemembered(ctx, observation)
  observeSession(ctx, observation)
  observeUser(ctx.state, observation)
}

type Getter = (this: object) => unknown

function inheritedGetter(object: object, name: string): Getter {
  for (let at: object | null = object; at !== null; at = prototypeOf(at)) {
    const property = Object.getOwnPropertyDescriptor(at, name)
    if (property) return property.get ?? ((): unknown => property.value)
  }
  return () => undefined
}

/** `ctx.cookies.get(name)` notes the name, and the signature's where it is checked. */
function observedJar(jar: object, observation: Observation): object {
  return new Proxy(jar, {
    get(target: object, name: string | symbol): unknown {
      const value: unknown = Reflect.get(target, name, target)
      if (typeof value !== 'function') return value
      if (name !== 'get') return value.bind(target)
      const get = (cookie: string, options?: { signed?: boolean }): unknown => {
        if (!isCarrierReading(get)) {
          observation.cookie(cookie)
          if (options?.signed !== false) observation.cookie(`${cookie}.sig`)
        }
        return observation.quietly((): unknown => value.call(target, cookie, options))
      }
      return get
    },
  })
}

/**
 * What Koa remembers of a request once it was asked. key() and session() may have asked first, and what they read is in the
 * key by what they made of it alone.
 */
function observeRemembered({ app, request, req }: Context, observation: Observation): void {
  const addressOf = inheritedGetter(request, 'ip')
  const setAddress = setterOf(request, 'ip')
  Object.defineProperty(request, 'ip', {
    configurable: true,
    enumerable: true,
    get(): unknown {
      observation.address()
      if (app.proxy) observation.header(app.proxyIpHeader.toLowerCase(), undefined)
      return addressOf.call(request)
    },
    set(value: unknown): void {
      setAddress?.call(request, value)
    },
  })
  const accept: unknown = Reflect.get(request, '_accept')
  // It keeps the headers as it found them, and looks there for an Accept before it asks for one.
  if (typeof accept === 'object' && accept !== null) Reflect.set(accept, 'headers', req.headers)
}

function observeSession(ctx: Context, observation: Observation): void {
  const standing = Object.getOwnPropertyDescriptor(ctx, 'session')
  const inherited = standing?.get ?? inheritedGetter(ctx, 'session')
  let own: { readonly value: unknown } | undefined =
    standing && !standing.get ? { value: standing.value } : undefined
  const inheritedSetter = setterOf(ctx, 'session')
  Object.defineProperty(ctx, 'session', {
    configurable: true,
    enumerable: true,
    get: function read(): unknown {
      if (!isCarrierReading(read)) observation.session()
      return own ? own.value : inherited.call(ctx)
    },
    set(value: unknown): void {
      if (inheritedSetter) inheritedSetter.call(ctx, value)
      else own = { value }
    },
  })
}

function setterOf(object: object, name: string): ((value: unknown) => void) | undefined {
  for (let at: object | null = object; at !== null; at = prototypeOf(at)) {
    const property = Object.getOwnPropertyDescriptor(at, name)
    if (property) return property.set
  }
  return undefined
}

function observeUser(state: Record<string, unknown>, observation: Observation): void {
  let user: unknown = state['user']
  const define = (enumerable: boolean): void => {
    Object.defineProperty(state, 'user', {
      configurable: true,
      enumerable,
      get(): unknown {
        observation.user()
        return user
      },
      set(value: unknown): void {
        user = value
        define(true)
      },
    })
  }
  // Where there is none, whoever hands the whole state to a template reads none.
  define(user !== undefined)
}

function prototypeOf(object: object): object | null {
  return Object.getPrototypeOf(object) as object | null
}
