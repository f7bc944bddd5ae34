import type { IncomingMessage, ServerResponse } from 'node:http'
import type { CacheHandle, CacheflowOptions } from 'cacheflow'
import { Cacheflow, NodeRequest } from 'cacheflow/adapter'
import type { Listener } from './http2-client.ts'

/** The smallest adapter: a listener of node:http or node:http2 behind the cache, with no framework at all. */
export function bare(
  listener: Listener,
  options: CacheflowOptions<IncomingMessage> = {},
): { readonly listener: Listener; readonly cache: CacheHandle } {
  const cache = new Cacheflow<IncomingMessage>(options)
  const { handler } = cache
  const cached = (message: IncomingMessage, response: ServerResponse): void => {
    const host = String(message.headers[':authority'] ?? message.headers.host)
    const protocol = 'encrypted' in message.socket ? 'https' : 'http'
    handler.handle(
      {
        message,
        response,
        incoming: (arrival) =>
          new NodeRequest(
            message,
            message,
            { routes: () => [] },
            {
              target: message.url ?? '',
              origin: { protocol, host },
              arrival,
              isFirst: true,
            },
          ),
        forward: () => void listener(message, response),
        expose: () => undefined,
        finish: () => undefined,
        stripQuery: () => undefined,
      },
      handler.cache.settings.policy,
    )
  }
  return { listener: cached, cache: cache.handle }
}
