import type { BypassReason } from '../events/reasons.ts'
import type { IncomingRequest } from './incoming-request.ts'
import type { Policy } from './policy.ts'
import type { Settings } from './settings.ts'

/** Why a request must pass by the cache, before any key is made; undefined when the cache may be used. */
export function bypassReason(
  request: IncomingRequest,
  policy: Policy,
  settings: Settings,
): BypassReason | undefined {
  const { method, headers } = request
  if (policy.off) return 'off'
  if (method !== 'GET' && method !== 'HEAD') return 'method'
  // Absolute form and the like name another target than Host does: no key could hold both (S-11).
  // A space, which parsers refuse, would let it go on where a key does (S-9). A fragment names nothing, and no invalidation reaches it.
  const { target } = request
  if (target.charCodeAt(0) !== slash || target.includes(' ') || target.includes('#'))
    return 'target'
  // A host that is none, such as "victim/x", would write the path of another key (S-9, S-10).
  if (!plainOrigin.test(request.origin) || !isPlainHost(headers['host'])) return 'target'
  if (headers['upgrade'] !== undefined || headers['expect'] !== undefined) return 'upgrade'
  if (headers['if-match'] !== undefined || headers['if-unmodified-since'] !== undefined) {
    return 'precondition'
  }
  // The answer to a GET may depend on a body that the key does not hold ("fat GET", S-5).
  if (request.hasBody) return 'body'
  if (headers['cookie'] !== undefined && !knowsCookies(request, policy, settings)) return 'cookie'
  return undefined
}

const slash = 47
const plainOrigin = /^https?:\/\/[^\s/?#\\]*$/i
const plainHost = /^[^\s/?#\\]*$/

function isPlainHost(host: string | readonly string[] | undefined): boolean {
  return host === undefined || (typeof host === 'string' && plainHost.test(host))
}

/** Which cookies matter is known by observing every read, or because the application said so. */
function knowsCookies(request: IncomingRequest, policy: Policy, settings: Settings): boolean {
  return (
    (settings.observe && (request.observedFromStart || request.foreseen)) ||
    policy.session !== undefined ||
    policy.vary.some((name) => name.startsWith('cookie:'))
  )
}

/** What the request carries of credentials, if any: the header, or that of an earlier request on its connection. */
export function credentialIn(
  { headers, isIdentified }: IncomingRequest,
  credentials: ReadonlySet<string>,
): string | undefined {
  for (const name of credentials) if (headers[name] !== undefined) return name
  return isIdentified ? 'authorization of the connection' : undefined
}
