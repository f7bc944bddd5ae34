import { enter, leave } from '../fragments/bystanders.ts'
import type { ReadTracker } from '../request/read-tracker.ts'
import type { Exchange } from '../response/exchange.ts'
import { RequestVisitor } from '../response/fragment-visitor.ts'
import { type Observable, observe } from './tracking/observer.ts'

/** The application is about to run for this exchange: until its response is closed, its code may turn up in any async context. */
export function attend(observable: Observable, exchange: Exchange): void {
  observe(observable, exchange.observation, exchange.overrides)
  const visitor = new RequestVisitor(exchange)
  const { owner } = visitor
  // A request that bypasses the cache may be a stream that is open for hours: it is observed once a fragment runs.
  const isObserved = visitor.isObserved || exchange.isPassing
  const { cache, request, tracker } = exchange
  let late: ReadTracker | undefined
  const watch = (): void => {
    late ??= exchange.observation === undefined ? observeLate() : undefined
    if (late === undefined) visitor.watch()
    else request.watchTarget?.(late)
  }
  const observeLate = (): ReadTracker => {
    const reads = cache.observe(request)
    reads.served = { owner, tracker }
    observe(observable, reads, undefined)
    return reads
  }
  const bystander = { owner, isObserved, watch }
  enter(bystander)
  const { response } = observable
  const ends = attended.get(response) ?? []
  ends.push(() => {
    leave(bystander)
    tracker.isEnded = true
  })
  if (ends.length > 1) return
  // One listener, however many routes and caches a request meets.
  attended.set(response, ends)
  response.once('close', () => {
    for (const end of ends) end()
  })
}

/** What ends with each response. */
const attended = new WeakMap<object, (() => void)[]>()
