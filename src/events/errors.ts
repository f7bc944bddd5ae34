/** Every error this package throws on purpose has one of these codes; docs/errors.md explains each. */
export const errorTable = {
  ERR_CACHEFLOW_DURATION:
    "Give milliseconds as a number, or a number with a unit: '250ms', '5s', '10m', '2h', '1d', '1w'.",
  ERR_CACHEFLOW_BYTE_SIZE: "Give bytes as a number, or a number with a unit: '512KiB', '64MiB'.",
  ERR_CACHEFLOW_OPTION: 'Look up the option in the documentation of CacheflowOptions.',
  ERR_CACHEFLOW_UNKNOWN_OPTION: 'Remove it, or correct its spelling.',
  ERR_CACHEFLOW_PACKAGE: 'Install the package that the message names.',
  ERR_CACHEFLOW_TAG:
    'A tag is a non-empty string of at most 256 characters without control characters.',
  ERR_CACHEFLOW_KEY: 'key() returns a non-empty string of at most 4,096 characters.',
  ERR_CACHEFLOW_SESSION:
    'session() returns a string that names the group that shares the response, or null for nobody.',
  ERR_CACHEFLOW_TARGET:
    "Give one of { tag }, { key }, { url }, { route, params? }, { entity }, { fragment, of? } or { all: true }, or a record: invalidate({ tag: 'posts' }).",
  ERR_CACHEFLOW_VERSION:
    'Give a record (or a list of records) with an updatedAt that is a Date, milliseconds or an ISO 8601 string, or { etag }.',
  ERR_CACHEFLOW_ENTITY:
    'Give a row, as it was read from the database, with an id and an updatedAt; see entity().',
  ERR_CACHEFLOW_TOUCH: 'Give records that an entity made: touch(comment(row)), touch(post.ref(7)).',
  ERR_CACHEFLOW_PERSIST:
    'The new updatedAt could not be written, see the cause; the cache has invalidated its entries nevertheless.',
  ERR_CACHEFLOW_FRAGMENT:
    "Call it as cacheFragment('posts/card', post(row), () => render(row)): a name, records or options, and a body.",
  ERR_CACHEFLOW_FRAGMENT_READS:
    "Every input of the visitor that the body reads has to be part of the fragment's key.",
  ERR_CACHEFLOW_FRAGMENT_KEY:
    'One page showed the key with two different bodies: add the input in which they differ, the record or { key }.',
  ERR_CACHEFLOW_FRAGMENT_INCLUDE:
    "Name the templates that it may include where its engine is connected, such as ejsFragments(ejs, { dynamic: ['cards/*'] }); [] where no fragment contains them.",
  ERR_CACHEFLOW_NO_REQUEST:
    'Mount app.use(cacheflow()) above this route, or use cache.fragment(...) in a job.',
  ERR_CACHEFLOW_CONTEXT:
    'It was called in the async context of another request: a callback out of the queue of a pool runs in the context of the request that released the connection. Await a promise instead, bind the callback by AsyncResource.bind(), or call fragment() of the response itself: res.locals.cacheflow in Express, ctx.state.cacheflow in Koa.',
  ERR_CACHEFLOW_EVENT: 'Listen to one of the names of CacheflowEvents.',
  ERR_CACHEFLOW_APPLICATION:
    'Give the application itself: cache.wrap(express()) or cache.wrap(new Koa()).',
  ERR_CACHEFLOW_REDIS:
    'Give a client of ioredis: { redis: new Redis() }, or { redis: { client: new Redis() } }.',
  ERR_CACHEFLOW_UNCONFIRMED:
    'Redis has not confirmed the invalidation. It holds in this process, and is retried until it is confirmed; the cause tells why.',
  ERR_CACHEFLOW_CLOSED: 'The cache is closed and stays closed: create a new one.',
} as const

export type ErrorCode = keyof typeof errorTable

/** An error of use: `message` says what was given where and what to do; `code` is stable. */
export class CacheflowError extends Error {
  override readonly name = 'CacheflowError'
  readonly code: ErrorCode

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(`${code}: ${message}`, options)
    this.code = code
  }
}

/** `throw fail('ERR_CACHEFLOW_DURATION', '5 minutes', 'maxAge')` */
export function fail(
  code: ErrorCode,
  given: unknown,
  where: string,
  options?: ErrorOptions & { readonly mend?: string },
): CacheflowError {
  const mend = options?.mend ?? errorTable[code]
  return new CacheflowError(code, `${where} was given ${show(given)}. ${mend}`, options)
}

/** Short and safe to print: an error message is no place for a whole record or a stack of getters. */
function show(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(clip(withoutPassword(value)))
  if (typeof value === 'function') return `a function (${value.name || 'anonymous'})`
  if (Array.isArray(value)) return `a list of ${value.length}`
  if (typeof value !== 'object' || value === null) return clip(String(value))
  return `an object with the keys ${clip(Object.keys(value).join(', ')) || '(none)'}`
}

function clip(text: string): string {
  return text.length > 80 ? `${text.slice(0, 80)}…` : text
}

/** What was thrown says so, whatever it is. */
export function messageOf(error: unknown): string {
  const text: unknown = error instanceof Error ? error.message : error
  return typeof text === 'object' && text !== null ? 'an object was thrown' : String(text)
}

/** Whoever gives a URL gives its password, and messages are logged. */
export function withoutPassword(text: string): string {
  return text.replaceAll(/\/\/\S*@/g, '//…@')
}
