import type { ServerResponse } from 'node:http'

/** Hears of trailers before Node does: no Trailer field need announce them (RFC 9110 §6.6.2). */
export function watchTrailers(response: ServerResponse, hear: () => void): void {
  // Stand-ins of test tools have none.
  if (typeof response.addTrailers !== 'function') return
  const addTrailers = response.addTrailers.bind(response)
  response.addTrailers = (trailers) => {
    hear()
    addTrailers(trailers)
  }
}
