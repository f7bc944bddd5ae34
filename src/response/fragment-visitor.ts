import { credentialIn } from '../request/bypass.ts'
import type { ExchangeFacts } from './exchange-facts.ts'
import { pageInputValue } from '../fragments/page-input.ts'
import type { Visitor } from '../fragments/scope.ts'

/** The request of an exchange, as its fragments see it: judged as the page is, by the same facts. */
export class RequestVisitor implements Visitor {
  readonly #facts: ExchangeFacts

  constructor(facts: ExchangeFacts) {
    this.#facts = facts
  }

  get origin(): string {
    return this.#facts.request.origin
  }

  get page(): string {
    return this.#facts.miss.primaryKey
  }

  get owner(): unknown {
    return this.#facts.request.native
  }

  get isObserved(): boolean {
    const { observation, request } = this.#facts
    return observation !== undefined && request.observedFromStart
  }

  get makings(): Visitor['makings'] {
    return this.#facts.observation?.makings
  }

  get carries(): Visitor['carries'] {
    const { request, cache } = this.#facts
    if (credentialIn(request, cache.settings.credentials) !== undefined) return 'credentials'
    return request.headers['cookie'] === undefined ? 'nothing' : 'cookies'
  }

  read(name: string): string | undefined {
    const { request, cache } = this.#facts
    return pageInputValue(request, name) ?? cache.read(request, name)
  }

  watch(): void {
    const { observation, request } = this.#facts
    if (observation) request.watchTarget?.(observation)
  }
}
