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
  return carriers.some((name) => isIn(file, name))
}

/** Packages that note the client's address of every request for a log, and make nothing else from it. */
const loggers = ['morgan', 'koa-logger', 'koa-morgan']

/**
 * Is a logger reading now? It asks through Express and Node, whose frames stand between. A logger also runs what comes
 * after it, so that its own frame further down says nothing: the first that is not the framework's tells who reads. Koa
 * is none of those between, for it remembers the address that it told once, and tells it to the application next.
 */
export function isLoggerReading(below: (...args: never[]) => unknown): boolean {
  const file = filesAbove(below, 10).find((each) => !between.test(each))
  return file !== undefined && loggers.some((name) => isIn(file, name))
}

const between =
  /^node:|[\\/]node_modules[\\/](express[^\\/]*[\\/]lib[\\/]request\.js$|(proxy-addr|forwarded)[\\/])/

/** Is Express asking whether it trusts the peer, to tell the host or the protocol? */
export function isTrustReading(below: (...args: never[]) => unknown): boolean {
  return expressRequest.test(callerOf(below) ?? '')
}

const expressRequest = /[\\/]node_modules[\\/]express[^\\/]*[\\/]lib[\\/]request\.js$/

/** Is the version of HTTP asked for by those who frame the response by it, or note it in a log? */
export function isFramingReading(below: (...args: never[]) => unknown): boolean {
  return framers.test(callerOf(below) ?? '') || isLoggerReading(below)
}

const framers = /^node:|[\\/]node_modules[\\/](koa[^\\/]*[\\/]lib|finalhandler)[\\/]/

/** Is Node reading a connection's properties for another of them? */
export function isSocketReading(below: (...args: never[]) => unknown): boolean {
  return /^node:(net|_tls_wrap)$/.test(callerOf(below) ?? '')
}

function isIn(file: string, name: string): boolean {
  return file.includes(`${sep}node_modules${sep}${name}${sep}`)
}

/** A few frames are enough: built-ins such as Object.keys stand between a trap and the code that reads. */
const framesAbove = 4

/** The file of the code that called `below`; built-ins have none. */
function callerOf(below: (...args: never[]) => unknown): string | undefined {
  return filesAbove(below, framesAbove)[0]
}

function filesAbove(below: (...args: never[]) => unknown, frames: number): string[] {
  const { prepareStackTrace, stackTraceLimit } = Error
  const holder: { stack?: unknown } = {}
  try {
    Error.stackTraceLimit = frames
    Error.prepareStackTrace = (_error, sites) => sites
    Error.captureStackTrace(holder, below)
    const sites: readonly unknown[] = Array.isArray(holder.stack) ? holder.stack : []
    return sites.flatMap((site) => {
      const file = isCallSite(site) ? site.getFileName() : undefined
      return typeof file === 'string' ? [file] : []
    })
  } finally {
    Error.prepareStackTrace = prepareStackTrace
    Error.stackTraceLimit = stackTraceLimit
  }
}

function isCallSite(site: unknown): site is NodeJS.CallSite {
  return typeof site === 'object' && site !== null && 'getFileName' in site
}
