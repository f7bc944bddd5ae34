import { sep } from 'node:path'

/**
 * Middleware that reads the whole Cookie header, or the session, on every request in order to offer it to others. Its own
 * reads do not shape the response: what others take from `req.cookies` and `req.session` is observed there.
 */
const carriers = ['cookie-parser', 'express-session', 'koa-session']

/**
 * Is the code that is reading now part of such a middleware? Told by the file of the calling frame; where files are not
 * to be told apart (a bundle), the answer is no, which makes the response private rather than shared.
 *
 * @param below the function whose caller is asked for
 */
export function isCarrierReading(below: (...args: never[]) => unknown): boolean {
  const file = callerOf(below)
  if (file === undefined) return false
  return carriers.some((name) => file.includes(`${sep}node_modules${sep}${name}${sep}`))
}

/** The file of the frame that called `below`. */
export function callerOf(below: (...args: never[]) => unknown): string | undefined {
  const { prepareStackTrace, stackTraceLimit } = Error
  const holder: { stack?: unknown } = {}
  try {
    Error.stackTraceLimit = 1
    Error.prepareStackTrace = (_error, sites) => sites
    Error.captureStackTrace(holder, below)
    const sites = holder.stack
    const site: unknown = Array.isArray(sites) ? sites[0] : undefined
    return isCallSite(site) ? (site.getFileName() ?? undefined) : undefined
  } finally {
    Error.prepareStackTrace = prepareStackTrace
    Error.stackTraceLimit = stackTraceLimit
  }
}

function isCallSite(site: unknown): site is NodeJS.CallSite {
  return typeof site === 'object' && site !== null && 'getFileName' in site
}
