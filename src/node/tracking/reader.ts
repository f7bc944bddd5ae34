import { callSitesAbove } from '../../events/call-site.ts'

/**
 * A package that reads the whole Cookie header, or the session's own cookie, on every request in order to offer what it
 * finds on the request. Its reads are excused for where they lead: to properties of this request, whose reads are observed.
 */
export interface PassThrough {
  readonly package: string
  /** The property that it asks the request for first; while there is none, what it reads next is read to set it. */
  readonly begins: string
  /** With this property set it has read what it wanted. */
  readonly until: string
  /** With this property set what it read is where it belongs. */
  readonly keeps: string
  /** Its function that goes through the jar which it has just set. */
  readonly walker?: string
  /** False where what was read has gone other ways too: a store of the application's own was asked with it. */
  isKept?(request: object, file: string): boolean
}

/** A package that notes of every request what it is told. */
export interface Logger {
  readonly package: string
  /** Its functions that note the client's address when a request comes, and the property that keeps it. */
  readonly notes: string
  readonly keeps: string
  /** Its function that writes the line. */
  readonly writes: string
}

/** Files that ask for something, and files through which they ask. */
export interface Asking {
  readonly files: RegExp
  readonly between: RegExp
}

/** What an adapter knows of its framework and the packages around it: whose reads do not shape a response by themselves. */
export interface KnownReaders {
  readonly passThrough: readonly PassThrough[]
  readonly loggers: readonly Logger[]
  /** Files that ask for the version of HTTP in order to frame the response. */
  readonly framers: RegExp
  /** Files that ask for others: who called them is the one who reads. */
  readonly between: RegExp
  /** Routers, which ask for the host to compare it with one that they were given. */
  readonly routers: Asking
  /** Middleware that codes bodies, and asks for the codings that the client accepts. */
  readonly coders: Asking
  /** Files that ask for the peer's address in order to know whether it is trusted. */
  readonly trusting: RegExp
}

type Below = (...args: never[]) => unknown

/**
 * Is code of this package reading now? Told by the file of the calling frame; where files are not to be told apart (a
 * bundle), the answer is no, which makes the response private rather than shared.
 *
 * @param below the function whose caller is asked for
 * @returns the file
 */
export function fileReading(name: string, below: Below): string | undefined {
  const file = callerOf(below)
  return file !== undefined && isIn(file, name) ? file : undefined
}

/** Does this function of the package read now, with nobody else between it and what it reads? */
export function isFunctionReading(name: string, called: string, below: Below): boolean {
  for (const { file, run } of callSitesAbove(below, framesOfPackage)) {
    if (!isIn(file, name)) return false
    if (run === called) return true
  }
  return false
}

/**
 * How is a logger reading now: does it note who comes, or write its line? It asks through Express and Node, whose frames
 * stand between. A logger also runs what comes after it, and lends its functions to others, so that the frames up to the one
 * named must all be its own.
 */
export function loggerReading(
  { loggers, between }: KnownReaders,
  below: Below,
): { readonly logger: Logger; readonly isWriting: boolean } | undefined {
  const frames = callSitesAbove(below, framesOfLogger)
  const first = frames.findIndex(({ file }) => !isNode(file) && !between.test(file))
  const own = frames[first]
  const logger = own && loggers.find((each) => isIn(own.file, each.package))
  if (!logger) return undefined
  for (const { file, run } of frames.slice(first)) {
    if (!isIn(file, logger.package)) return undefined
    if (run === logger.writes) return { logger, isWriting: true }
    if (run === logger.notes) return { logger, isWriting: false }
  }
  return undefined
}

/** Is it one of these who reads now? */
export function isAsking({ files, between }: Asking, below: Below): boolean {
  const frames = callSitesAbove(below, framesOfLogger)
  const first = frames.find(({ file }) => !isNode(file) && !between.test(file))
  return first !== undefined && files.test(first.file)
}

/** Is the framework asking whether it trusts the peer, to tell the host or the protocol? */
export function isTrustReading({ trusting }: KnownReaders, below: Below): boolean {
  return trusting.test(callerOf(below) ?? '')
}

/** Is the version of HTTP asked for by those who frame the response by it, or write it in a log? */
export function isFramingReading(readers: KnownReaders, below: Below): boolean {
  const file = callerOf(below) ?? ''
  return isNode(file) || readers.framers.test(file) || loggerReading(readers, below) !== undefined
}

/** Is Node's server reading a request of its own? */
export function isServerReading(below: Below): boolean {
  return (callerOf(below) ?? '').startsWith('node:_http')
}

/** Is Node reading a connection's properties for another of them? */
export function isSocketReading(below: Below): boolean {
  return /^node:(net|_tls_wrap)$/.test(callerOf(below) ?? '')
}

function isNode(file: string): boolean {
  return file.startsWith('node:')
}

function isIn(file: string, name: string): boolean {
  // Of a module of ECMAScript it is an address.
  return file.replaceAll('\\', '/').includes(`/node_modules/${name}/`)
}

/** A few frames are enough: built-ins such as Object.keys stand between a trap and the code that reads. */
const framesOfCaller = 5
const framesOfPackage = 6
const framesOfLogger = 14

/** The file of the code that called `below`; built-ins have none. */
function callerOf(below: Below): string | undefined {
  return callSitesAbove(below, framesOfCaller)[0]?.file
}
