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

/** A few frames are enough: built-ins such as Object.keys stand between a trap and the code that reads. */
const framesAbove = 4

/** The file of the code that called `below`; built-ins have none. */
export function callerOf(below: (...args: never[]) => unknown): string | undefined {
  const { prepareStackTrace, stackTraceLimit } = Error
  const holder: { stack?: unknown } = {}
  try {
    Error.stackTraceLimit = framesAbove
    Error.prepareStackTrace = (_error, sites) => sites
    Error.captureStackTrace(holder, below)
    const sites: readonly unknown[] = Array.isArray(holder.stack) ? holder.stack : []
    for (const site of sites) {
      const file = isCallSite(site) ? site.getFileName() : undefined
      if (typeof file === 'string') return file
    }
    return undefined
  } finally {
    Error.prepareStackTrace = prepareStackTrace
    Error.stackTraceLimit = stackTraceLimit
  }
}

function isCallSite(site: unknown): site is NodeJS.CallSite {
  return typeof site === 'object' && site !== null && 'getFileName' in site
}
