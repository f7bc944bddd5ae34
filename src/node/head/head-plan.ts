import type { IncomingMessage, ServerResponse } from 'node:http'
import type { BodySource, HeadPlan } from '../../response/exchange-facts.ts'
import type { Exchange } from '../../response/exchange.ts'
import { type HeaderSnapshot, changesSince } from './header-snapshot.ts'

/** A head as it is about to go out. */
interface ExistingHead {
  readonly status: number
  readonly reason: string | undefined
  /** What stood on the response when the cache was reached. */
  readonly before: HeaderSnapshot
  readonly hasTrailers: boolean
}

/** What the exchange makes of a head; undefined where the cache itself failed, and everything passes. */
export function planOf(
  exchange: Exchange,
  request: IncomingMessage,
  response: ServerResponse,
  { status, reason, before, hasTrailers }: ExistingHead,
  body: BodySource,
): HeadPlan | undefined {
  try {
    const changes = changesSince(response, before)
    // HTTP/2 has no reason, and warns whoever asks (RFC 9113 §8.3.1).
    const existing = exchange.request.isHttp1 ? response.statusMessage || undefined : undefined
    const head = {
      status,
      statusMessage: reason ?? existing,
      ...changes,
      // Trailers need no Trailer field to announce them (RFC 9110 §6.6.2).
      ...(hasTrailers && { fields: [...changes.fields, 'Trailer', ''] }),
      method: request.method ?? '',
    }
    return exchange.head(head, body)
  } catch (error) {
    exchange.cache.fault(error, 'judging a response')
    exchange.refuse('error')
    return undefined
  }
}
