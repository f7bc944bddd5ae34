import { relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type CallSite, callSitesAbove } from './call-site.ts'

/** A stack is dear: readers are looked for so often at first, and once a second from then on. */
let budget = 200
const MAX_BUDGET = budget
const REFILL = 1_000
let refilledAt = 0
const MAX_FRAMES = 20
/** Packages that read for their caller. */
const between =
  /[\\/]node_modules[\\/](?:koa\d?|koa-compose|express\d?|delegates|accepts|negotiator|cookies|keygrip|router)[\\/]/

/**
 * Who reads now: `express-session (node_modules/express-session/index.js:205)`, or `routes/shop.js:12`
 * for the application's own code; undefined where no file is known, or too many were looked for.
 */
export function readerNow(): string | undefined {
  const now = performance.now()
  const due = Math.floor((now - refilledAt) / REFILL)
  budget = Math.min(MAX_BUDGET, budget + due)
  refilledAt += due * REFILL
  if (budget <= 0) return undefined
  budget--
  try {
    return readerIn(callSitesAbove(readerNow, MAX_FRAMES))
  } catch {
    // The application is reading at this moment: a folder that is gone, say, is no fault of its page.
    return undefined
  }
}

function readerIn(sites: readonly CallSite[]): string | undefined {
  // The caller is the cache itself: so is what lies beside its folder.
  const own = folderOf(sites[0]?.file ?? '')
  for (const { file, line } of sites) {
    const path = file.startsWith('file:') ? fileURLToPath(file) : file
    const isOwn =
      own !== undefined && (path.startsWith(`${own}src`) || path.startsWith(`${own}adapters`))
    if (isOwn || file.startsWith('node:') || between.test(path)) continue
    const place = `${relative(process.cwd(), path).replaceAll('\\', '/')}:${line}`
    const name = packageOf(path)
    return name === undefined ? place : `${name} (${place})`
  }
  return undefined
}

function folderOf(file: string): string | undefined {
  const path = file.startsWith('file:') ? fileURLToPath(file) : file
  return /^(.*[\\/])src[\\/][^\\/]+[\\/][^\\/]+$/.exec(path)?.[1]
}

/** The innermost package that has the file. */
function packageOf(path: string): string | undefined {
  const parts = path.replaceAll('\\', '/').split('/node_modules/')
  if (parts.length === 1) return undefined
  const [scope = '', name = ''] = (parts.at(-1) ?? '').split('/')
  return scope.startsWith('@') ? `${scope}/${name}` : scope
}
