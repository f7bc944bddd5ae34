import { type HeaderFields, fieldValue } from './header-fields.ts'

/** What orchestrators, monitors and scrapers ask for: an answer is of use for the moment alone. */
const checks =
  /^(?:\/(?:api|v\d+|_|-|internal|actuator|management|admin|system|monitoring))*\/_{0,2}(?:lb)?(?:health(?:z|y|check|[-_]check)?|live(?:z|ness)|ready(?:z)?|readiness|startupz|heartbeat|metrics|ping|status(?:z)?|varz|alive)_{0,2}(?:\/(?:live|ready|startup|liveness|readiness))?\/?$/i
const exposition = /^text\/plain;\s*version=0\.0\.4|^application\/openmetrics-text/i

/** Words in a path that often name something which happens, or is so at this moment only. */
const doubtful =
  /(?:^|[/_-])(?:health|healthz|livez|readyz|heartbeat|metrics|ping|status|push|poll|beacon|track|pixel|cron|webhook|hook|callback|unsubscribe|logout)(?:[/_.-]|$)/i

/** Is it a health check, a heartbeat or metrics, by its path or its type? */
export function isOperational(path: string, fields: HeaderFields): boolean {
  return checks.test(path) || exposition.test(fieldValue(fields, 'content-type') ?? '')
}

/** May a GET of this path do something, or tell what is so at this moment only? */
export function mayBeOperational(path: string): boolean {
  return doubtful.test(path)
}
