import { groupOf } from '../request/cache-key.ts'
import type { IncomingRequest } from '../request/incoming-request.ts'
import type { ReadTracker } from '../request/read-tracker.ts'
import type { Policy } from '../request/policy.ts'

/** What session() looked for on the request when it was asked, and did not find: `user`, `state.user`. */
export interface Asked {
  readonly absent: readonly string[]
  /** It found none of that at this place yet: middleware that sets it may still come. */
  readonly isOpen: boolean
}

type Session = NonNullable<Policy['session']>

interface Beginning {
  readonly request: IncomingRequest
  readonly policy: Policy
  readonly miss: { readonly group: string | undefined }
  readonly observation: ReadTracker | undefined
}

interface Known {
  /** What it has found on a request at least once: so the middleware that sets it runs before the cache. */
  readonly found: Set<string>
  /** What came only after it had been asked. */
  readonly late: Set<string>
}

/** What may be looked at deeper: frameworks keep there what middleware leaves behind. */
const holders: ReadonlySet<string> = new Set([
  'state',
  'req',
  'request',
  'res',
  'response',
  'locals',
])
const MAX_NAMES = 100
/** It looked at all of the request at once. */
const everything = '*'

/**
 * Was session() asked behind the middleware that knows the visitor? `(req) => req.user?.role ?? 'guest'` answers `guest` for
 * everybody as long as nobody has set `req.user`, and a guest's own request never shows it: there nobody will.
 */
export class Groups {
  readonly #known = new WeakMap<Session, Known>()
  #areLate = false

  /** What session() finds on a request whose application is about to run; undefined where it was not asked. */
  begin({ request, policy, miss: lookup, observation }: Beginning): Asked | undefined {
    const { session } = policy
    if (session === undefined || lookup.group === undefined) return undefined
    const { absent, found } = looks(request, policy)
    const known = this.#of(session)
    for (const name of found) if (known.found.size < MAX_NAMES) known.found.add(name)
    const isOpen = absent.some((name) => !known.found.has(name))
    if (isOpen) observation?.beginLate()
    return { absent, isOpen }
  }

  /** What it did not find has come since: its answers are nobody's, until it finds that at the time it is asked. */
  cameLate(session: Session, names: readonly string[]): void {
    const { found, late } = this.#of(session)
    for (const name of names) if (!found.has(name) && late.size < MAX_NAMES) late.add(name)
    if (late.size > 0) this.#areLate = true
  }

  /** Who shares; null where nobody does, or where session() is known to be asked too early. */
  of(request: IncomingRequest, policy: Policy): string | null | undefined {
    const group = groupOf(request, policy)
    if (typeof group !== 'string' || !this.#areLate) return group
    return this.#isTooEarly(request, policy) ? null : group
  }

  /** It finds by now what had come late: then the cache has another place. */
  #isTooEarly(request: IncomingRequest, policy: Policy): boolean {
    const known = policy.session && this.#known.get(policy.session)
    if (!known || known.late.size === 0) return false
    const { found } = looks(request, policy)
    for (const name of found) {
      known.late.delete(name)
      known.found.add(name)
    }
    return known.late.size > 0
  }

  #of(session: Session): Known {
    const known = this.#known.get(session) ?? { found: new Set(), late: new Set() }
    this.#known.set(session, known)
    return known
  }
}

/** Which of these stand on the request by now? */
export function presentAmong(native: unknown, names: readonly string[]): string[] {
  return names.filter((name) => {
    let at: unknown = native
    for (const part of name.split('.')) at = isObject(at) ? Reflect.get(at, part) : undefined
    return at !== undefined
  })
}

/** What session() looks for on a request, there or not. */
function looks(
  request: IncomingRequest,
  policy: Policy,
): { readonly absent: readonly string[]; readonly found: readonly string[] } {
  const absent = new Set<string>()
  const found = new Set<string>()
  const note = (name: string, isThere: boolean): void => void (isThere ? found : absent).add(name)
  try {
    const { observation, native } = request
    groupOf({ observation, native: watched(native, '', note) }, policy)
  } catch {
    // What it cannot be asked in this way tells nothing of what it goes by.
    note(everything, false)
  }
  return { absent: [...absent], found: [...found] }
}

function watched<Value>(
  value: Value,
  path: string,
  note: (name: string, isThere: boolean) => void,
): Value {
  if (!isObject(value)) return value
  return new Proxy(value, {
    get(target, name) {
      const found: unknown = Reflect.get(target, name, target)
      if (typeof name !== 'string') return found
      if (typeof found === 'function') return found.bind(target) as unknown
      note(path + name, found !== undefined)
      return holders.has(name) ? watched(found, `${path}${name}.`, note) : found
    },
    has(target, name) {
      if (typeof name === 'string')
        note(path + name, Reflect.get(target, name, target) !== undefined)
      return Reflect.has(target, name)
    },
    ownKeys(target) {
      note(everything, false)
      return Reflect.ownKeys(target)
    },
  })
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}
