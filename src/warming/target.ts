import type { IncomingMessage, ServerResponse } from 'node:http'
import { fail } from '../events/errors.ts'
import type { FetchResult } from './run.ts'
import { WarmRequestState } from '../request/warm-request.ts'
import type { WarmRequest } from './page-request.ts'
import { inject } from '../node/inject.ts'
import { warmRequests } from '../node/request.ts'
import { fetchPage } from './fetch.ts'

type Listener = (request: IncomingMessage, response: ServerResponse) => unknown

/** A server of `node:http`, `node:https` or `node:http2`. */
interface ListeningServer {
  emit(event: string, ...given: unknown[]): unknown
  address(): unknown
}

/** What is warmed: the application (or `cache.wrap(app)`), its server, or the URL at which it listens. */
export type WarmTarget = Listener | { callback(): Listener } | ListeningServer | URL | string

/** How a warmer reaches the application. */
export interface WarmFetcher {
  /** Where visitors see it, if nobody says so. */
  readonly origin: string
  /** The application itself, where it was given. */
  readonly app: unknown
  /** Nothing was given: there are no pages then. */
  readonly isNowhere?: boolean
  fetch(request: WarmRequest, timeout: number): Promise<FetchResult>
}

/** What browsers send, so that their users share the variant which was warmed. */
const browser: Readonly<Record<string, string>> = {
  accept: 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8',
  'accept-encoding': 'gzip, deflate, br, zstd',
  'user-agent': 'Mozilla/5.0 (cacheflow)',
}

/** How long what is stored behind the response's end may take, milliseconds: a Blob is read, a stream ends. */
const MAX_END = 5_000

export interface WarmFetcherOptions {
  readonly headers: Readonly<Record<string, string>>
  /** What is fresh for so long and no longer is made anew, milliseconds. */
  readonly leastFresh: number
}

/** @throws CacheflowError `ERR_CACHEFLOW_APPLICATION` */
export function warmFetcher(
  target: WarmTarget | undefined,
  options: WarmFetcherOptions,
): WarmFetcher {
  if (target === undefined) {
    const warmRequest = (): Promise<never> =>
      Promise.reject(new Error('warm() was given no application'))
    return { origin: 'http://localhost', app: undefined, isNowhere: true, fetch: warmRequest }
  }
  const headers = { ...browser, ...options.headers }
  if (typeof target === 'string' || target instanceof URL) {
    const url = URL.canParse(String(target)) ? new URL(target) : undefined
    // Nothing would send its password: a page that it opens is not for everybody.
    if (!url || !/^https?:$/.test(url.protocol) || url.username + url.password !== '') {
      throw fail('ERR_CACHEFLOW_APPLICATION', String(target), 'warm()', { mend })
    }
    const { origin } = url
    return {
      origin,
      app: undefined,
      fetch: (request, timeout) =>
        fetchPage(
          origin,
          request.target,
          present({ ...addressOf(request.origin, origin), ...headers, ...request.headers }),
          timeout,
        ),
    }
  }
  const listener = listenerOf(target)
  return {
    origin: originOf(target),
    app: target,
    fetch: (request, timeout) =>
      visitInside(
        listener,
        { ...request, headers: present({ ...headers, ...request.headers }) },
        { timeout, leastFresh: options.leastFresh },
      ),
  }
}

/** Pages of a site that is known under another name than the one at which it listens: visitors come by way of a proxy, too. */
function addressOf(known: string | undefined, origin: string): Record<string, string> {
  if (known === undefined || known === origin) return {}
  const { host, protocol } = new URL(known)
  return { host, 'x-forwarded-host': host, 'x-forwarded-proto': protocol.slice(0, -1) }
}

/** An empty field takes away what browsers send. */
function present(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).filter(([, value]) => value !== ''))
}

const mend =
  "Give the application, its server, or the URL at which it listens, without a password: warm(app), warm('http://localhost:3000')."

function listenerOf(target: Exclude<WarmTarget, string | URL>): Listener {
  const given: unknown = target
  if (typeof target === 'function') return target
  if (typeof given !== 'object' || given === null) {
    throw fail('ERR_CACHEFLOW_APPLICATION', given, 'warm()', { mend })
  }
  // Koa's application is an emitter, too.
  if ('callback' in target && typeof target.callback === 'function') return target.callback()
  if ('emit' in target && 'address' in target) {
    return (message, response) => target.emit('request', message, response)
  }
  throw fail('ERR_CACHEFLOW_APPLICATION', given, 'warm()', { mend })
}

/** A server knows its port, and nobody the name under which it is known. */
function originOf(target: Exclude<WarmTarget, string | URL>): string {
  const address = 'address' in target ? target.address() : undefined
  if (typeof address !== 'object' || address === null || !('port' in address)) {
    return 'http://localhost'
  }
  const isSecure = 'setSecureContext' in target
  return `${isSecure ? 'https' : 'http'}://localhost:${String(address.port)}`
}

/** One request through the whole application, without a network. */
async function visitInside(
  listener: Listener,
  { origin = 'http://localhost', target, headers }: WarmRequest,
  { timeout, leastFresh }: { readonly timeout: number; readonly leastFresh: number },
): Promise<FetchResult> {
  const fields = { host: origin.replace(/^https?:\/\//, ''), ...headers }
  const { message, response } = inject({
    target,
    origin,
    headers: fields,
    remoteAddress: '127.0.0.1',
    server: undefined,
    isOld: false,
  })
  const warmRequest = new WarmRequestState(leastFresh)
  warmRequests.set(message, warmRequest)
  let isLate = false
  const timer = setTimeout(() => {
    isLate = true
    response.destroy()
  }, timeout)
  try {
    await new Promise<void>((resolve, reject) => {
      response.once('close', resolve)
      Promise.resolve(listener(message, response)).catch(reject)
    })
    if (isLate) throw new Error(`no answer within ${timeout} ms`)
    if (!response.writableFinished) throw new Error('the response was broken off')
    if (warmRequest.isMet && warmRequest.end === undefined) await within(MAX_END, warmRequest.told)
  } catch (error) {
    // What goes on to write to it writes to nobody, and others need not wait for what it makes.
    response.destroy()
    throw error
  } finally {
    clearTimeout(timer)
  }
  const end = warmRequest.end ?? { kind: 'refused', reason: 'no cache', detail: undefined }
  return { status: response.statusCode, end }
}

function within(milliseconds: number, promise: Promise<void>): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds)
    void promise.then(() => {
      clearTimeout(timer)
      resolve()
    })
  })
}
