import type { Exchange } from '../response/exchange.ts'

/**
 * Ends an exchange, or a part of it, in a listener or behind a response that is on its way: failures of the cache and of what
 * it asks are reported as events, and become nobody's error.
 */
export function conclude(exchange: Exchange, act: () => void): void {
  try {
    act()
  } catch (error) {
    exchange.cache.fault(error, 'ending an exchange')
    exchange.release()
    exchange.settle()
  }
}
