import {
  type WarmOptions,
  createCacheflow,
  pathsIn,
  progressBar,
  sitemap,
  warmLine,
} from '../index.ts'
import { messageOf } from '../events/errors.ts'
import type { WarmPage } from '../warming/page-request.ts'
import type { Output } from './output.ts'
import { type Typed, usageError, usages } from './usage.ts'

const usage = usages.warm

/** Exits with 1 when a page failed. */
export async function warmCommand(typed: Typed, output: Output): Promise<number> {
  const url = urlOf(typed)
  const stop = new AbortController()
  const onSignal = (): void => stop.abort()
  process.once('SIGINT', onSignal)
  const cache = createCacheflow()
  try {
    const report = await cache.warm(url, {
      ...settingsOf(typed),
      pages: () => pagesOf(typed),
      signal: stop.signal,
      onProgress: progressBar(output.terminal),
    })
    if (typed.flag('json')) output.json(report)
    else {
      for (const { url: page, status, reason } of report.failed) {
        output.line(`failed ${page}: ${status === undefined ? reason : `status ${status}`}`)
      }
      output.line(warmLine({ ...report, name: url.host }))
    }
    return report.failures > 0 || report.outcome === 'aborted' ? 1 : 0
  } finally {
    process.off('SIGINT', onSignal)
    await cache.close()
  }
}

function urlOf({ argument = '' }: Typed): URL {
  const url = URL.canParse(argument) ? new URL(argument) : undefined
  if (url === undefined || !/^https?:$/.test(url.protocol)) {
    throw usageError(usage, `${JSON.stringify(argument)} is no http URL.`)
  }
  if (url.username + url.password === '') return url
  throw usageError(usage, "A password goes in a field: --header 'authorization: Basic ...'.")
}

function settingsOf(typed: Typed): WarmOptions {
  const headers = typed.texts('header').map((text) => {
    const [, name, value] = /^([^:\s]+)\s*:\s*(.*)$/.exec(text) ?? []
    if (name !== undefined && value !== undefined) return [name, value] as const
    throw usageError(usage, `--header takes 'name: value', and not ${JSON.stringify(text)}.`)
  })
  const given = {
    origin: typed.texts('origin').length > 0 ? typed.texts('origin') : undefined,
    parallelism: typed.number('parallelism'),
    rate: typed.number('rate'),
    retries: typed.number('retries'),
    budget: typed.duration('max-duration'),
    timeout: typed.duration('timeout'),
  }
  return { ...present(given), headers: Object.fromEntries(headers) }
}

/** What is left out has its default. */
function present<Given extends object>(
  given: Given,
): { [Name in keyof Given]?: Exclude<Given[Name], undefined> } {
  const pairs = Object.entries(given).filter(([, value]) => value !== undefined)
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the same fields, without those that are undefined
  return Object.fromEntries(pairs) as { [Name in keyof Given]?: Exclude<Given[Name], undefined> }
}

/** What is named; the page itself where nothing is. */
async function* pagesOf(typed: Typed): AsyncGenerator<WarmPage | string> {
  const sitemaps = typed.texts('sitemap')
  const files = typed.texts('file')
  const lists = [...sitemaps.map(sitemap), ...files.map(pathsIn)]
  const faults: unknown[] = []
  for (const list of lists) {
    try {
      yield* list
    } catch (error) {
      faults.push(error)
    }
  }
  // The others are read all the same; the report has it as a failure.
  if (faults.length > 0) throw new Error(faults.map(messageOf).join('; '), { cause: faults[0] })
  if (lists.length > 0) return
  const { pathname, search } = urlOf(typed)
  yield pathname + search
}
