import { enter, leave } from '../fragments/bystanders.ts'
import type { Exchange } from '../response/exchange.ts'
import { RequestVisitor } from '../response/fragment-visitor.ts'
import { type Observable, observe } from './tracking/observer.ts'

/** The application is about to run for this exchange: until its response is closed, its code may turn up in any async context. */
export function attend(observable: Observable, exchange: Exchange): void {
  observe(observable, exchange.observation, exchange.overrides)
  const visitor = new RequestVisitor(exchange)
  enter(visitor)
  observable.response.once('close', () => {
    leave(visitor)
    exchange.tracker.isEnded = true
  })
}
