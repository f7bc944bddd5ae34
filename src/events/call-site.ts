/** Where code stands that is running now. */
export interface CallSite {
  readonly file: string
  readonly line: number
  /** The name of the function. */
  readonly run: string | null
}

/** The function that stands in chains of prototypes: whatever is inherited passes by it, and nobody reads there. */
const link = 'cacheflowLink'

/**
 * The code that called `below`, and who called that, from the innermost outwards; built-ins have no file.
 *
 * @param most a few are enough: to capture them is what costs
 */
export function callSitesAbove(below: (...args: never[]) => unknown, most: number): CallSite[] {
  const { prepareStackTrace, stackTraceLimit } = Error
  const holder: { stack?: unknown } = {}
  try {
    Error.stackTraceLimit = most
    Error.prepareStackTrace = (_error, sites) => sites
    Error.captureStackTrace(holder, below)
    const sites: readonly unknown[] = Array.isArray(holder.stack) ? holder.stack : []
    return sites.flatMap((site) => {
      if (!isCallSite(site)) return []
      const file: unknown = site.getFileName()
      const run = site.getFunctionName()
      if (typeof file !== 'string' || run === link) return []
      return [{ file, line: site.getLineNumber() ?? 0, run }]
    })
  } finally {
    Error.prepareStackTrace = prepareStackTrace
    Error.stackTraceLimit = stackTraceLimit
  }
}

function isCallSite(site: unknown): site is NodeJS.CallSite {
  return typeof site === 'object' && site !== null && 'getFileName' in site
}
