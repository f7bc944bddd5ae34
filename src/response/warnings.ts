import { TELLING } from './unshared-variants.ts'
import type { UncacheableReason } from '../events/reasons.ts'
import type { IncomingRequest } from '../request/incoming-request.ts'

/** Remedies for the reasons that are mostly oversights; the others are the application's intention. */
const mends: Partial<Record<UncacheableReason, string>> = {
  'set-cookie':
    'It sets a cookie, and a cookie is for one visitor. Set it on another route or only when it changes; where it is not part of the page, name it in ignoreSetCookie.',
  'session-read':
    'It reads the session. Say who shares the page with session: (req) => ..., or load the personal part by a request of its own.',
  'session-early':
    'session() is called before the middleware that knows the visitor. Mount the cache behind that middleware, or give session: (req) => ... to cache.route() on routes behind it.',
  'user-read':
    'It reads the user. Say who shares the page with session: (req) => ..., or load the personal part by a request of its own.',
  'cookie-read':
    "It reads the whole Cookie header. Read cookies by name through a cookie parser, or name those that matter: vary: ['cookie:theme'].",
  'credentials-read':
    'It reads a credential. Say who shares the response with session: (req) => ..., or send Cache-Control: public.',
  'headers-read':
    'It reads all request headers at once. Read them by name; or, where everybody may have the response, send Cache-Control: public.',
  'connection-read':
    "It reads the client's certificate or a port. Say who shares the page with session: (req) => ...; or, where only a port is read, for a log, add observe: { ignore: ['connection'] }.",
  'csrf-token':
    'It holds a CSRF token, which is for one visitor. Load the token by a request of its own; route({ detectSecrets: false }) stores it nevertheless.',
  'csp-nonce':
    'It holds a CSP nonce, which is for one response. Use hashes instead; route({ detectSecrets: false }) stores it nevertheless.',
  operational:
    'It looks like a health check, a heartbeat or metrics. Keep it out with cache.route(false), or say how long it is fresh: cache.route({ maxAge: ... }).',
  'request-shown':
    'It shows a value that only this request has. Load that part by a request of its own, or, for the User-Agent, name classes: userAgent: (ua) => ....',
  promise: 'It shows the promise of a fragment in place of its text: await cacheFragment(...).',
  context:
    'Its code ran in the async context of another request. Await promises in place of callbacks, bind them by AsyncResource.bind(), or call fragment() and dependsOn() of res.locals.cacheflow (Koa: ctx.state.cacheflow).',
  'vary-any': 'It sends Vary: *, which no stored response can match, or varies by too many names.',
  'no-validator':
    'It must be validated on each use, and has no validator. Send ETag or Last-Modified and answer conditional requests (in Koa by koa-conditional-get behind the cache), or say how long it is fresh: Cache-Control: max-age=60.',
}

/** A route is warned of once for each reason, and so many routes at most. */
const MAX_WARNINGS = 1_000
/** Names of inputs may come from clients, and a message is to be read. */
const MAX_SHOWN = 5
/** A path in place of an unknown route comes from the client, so its length is bounded. */
const MAX_ROUTE_LENGTH = 512

export interface Told {
  readonly route: string
  readonly message: string
}

/** Why routes are uncacheable and what to do about it, reported once for each route and reason. */
export class Warnings {
  readonly #told = new Set<string>()

  messageOnce(
    route: string,
    reason: UncacheableReason,
    detail: string | undefined,
    reader?: string,
  ): Told | undefined {
    const mend = mends[reason]
    // One reader is one cause, on however many routes.
    const name = `${reader === undefined ? route : `${detail} ${reader}`} ${reason}`
    const isRoom = this.#told.size < MAX_WARNINGS && route.length <= MAX_ROUTE_LENGTH
    if (mend === undefined || this.#told.has(name) || !isRoom) return undefined
    this.#told.add(name)
    const what = detail === undefined ? reason : `${reason}: ${detail}`
    const by = reader === undefined ? '' : `, read by ${reader}`
    return { route, message: `${route} is not cached (${what}${by}). ${mend}` }
  }

  /** For a key whose variants are stored one after the other, and none is used again. */
  unsharedOnce(route: string, inputs: readonly string[]): Told | undefined {
    const name = `${route} unshared`
    const isRoom = this.#told.size < MAX_WARNINGS && route.length <= MAX_ROUTE_LENGTH
    if (this.#told.has(name) || !isRoom) return undefined
    this.#told.add(name)
    const shown = inputs.slice(0, MAX_SHOWN)
    const words = shown.map(wordFor).join(', ') + (shown.length < inputs.length ? ', ...' : '')
    const advice = [...new Set(shown.map(adviceFor))].join(' ')
    return {
      route,
      message: `${route} is never a hit: ${TELLING} variants of one URL were stored, one for each request. They differ by what was read of the request: ${words}. ${advice} Or keep the route out of the cache with cache.route(false).`,
    }
  }

  /** For a response that is stored, and perhaps should not be. */
  doubtOnce(route: string): Told | undefined {
    const name = `${route} stored`
    const isRoom = this.#told.size < MAX_WARNINGS && route.length <= MAX_ROUTE_LENGTH
    if (this.#told.has(name) || !isRoom) return undefined
    this.#told.add(name)
    return {
      route,
      message: `${route} is cached by the default lifetime, and its path looks like an action or a momentary state. Keep it out with cache.route(false), or say how long it is fresh: cache.route({ maxAge: ... }).`,
    }
  }
}

/** Identifiers of one request, which are for logs. */
const identifiers: ReadonlySet<string> = new Set([
  'x-request-id',
  'request-id',
  'x-correlation-id',
  'correlation-id',
  'x-amz-cf-id',
  'cf-ray',
])

/** Leaving an input out is advised for those alone that shape no page as a rule: any other one may be what a page is made of. */
function adviceFor(input: string): string {
  if (input === 'x-forwarded-for' || input === 'forwarded') {
    return "Rate limiters and logs read the client's address (req.ip), before the cache or behind it: where no page shows it and none is chosen by it, say so by observe: { ignore: ['x-forwarded-for', 'forwarded'] }."
  }
  if (identifiers.has(input)) {
    return `It names one request, for logs: where no page shows it and none is chosen by it, say so by observe: { ignore: ['${input}'] }.`
  }
  return `Let nothing read ${wordFor(input)} on this route, or load what is made from it by a request of its own.`
}

/** What people call an input that no header of this name tells alone. */
function wordFor(input: string): string {
  if (input === 'x-forwarded-for') return "x-forwarded-for (the client's address)"
  return input.startsWith(':probe:') ? input.slice(':probe:'.length) : input
}

/** Is it one of the refusals that are warned of? Routers are asked for the route of these alone. */
export function isOversight(reason: UncacheableReason): boolean {
  return mends[reason] !== undefined
}

/** The name of a request in warnings: its route, or else its path. */
export function nameOf(request: IncomingRequest): string {
  return request.route()?.pattern ?? request.target.split('?', 1)[0] ?? '/'
}
