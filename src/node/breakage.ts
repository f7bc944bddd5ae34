import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Readable } from 'node:stream'

/** As far as HTTP/2 is asked. */
interface Stream {
  readonly destroyed: boolean
  readonly aborted: boolean
  readonly closed: boolean
}

/**
 * Has anything of the exchange been destroyed or aborted by now? A body that ends after that may be cut short without a
 * sign: handlers end what is left when their client leaves, and frameworks what has failed.
 */
export function isBroken(request: IncomingMessage, response: ServerResponse): boolean {
  // `request.destroyed` is no such sign: a request is destroyed when it has been read, too.
  if (response.destroyed || Reflect.get(request, 'aborted') === true) return true
  const stream: unknown = Reflect.get(response, 'stream')
  if (isStream(stream)) return stream.destroyed || stream.aborted || stream.closed
  // Stand-ins of test tools and of serverless hosts have less than a socket.
  return response.socket?.destroyed === true
}

/** Did a stream that was piped into a response stop before its end? */
export function hasStopped(source: Readable): boolean {
  if (source.readableEnded) return false
  return source.destroyed || source.errored !== null
}

function isStream(stream: unknown): stream is Stream {
  return typeof stream === 'object' && stream !== null && 'aborted' in stream
}
