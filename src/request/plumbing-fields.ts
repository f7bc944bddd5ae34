/** Fields that never join the variant key: they are in every key, or a request that has them passes by, or they are hidden. */
export const ignoredHeaders: ReadonlySet<string> = new Set([
  // Part of the key by way of the trusted origin.
  'host',
  // Requests with these pass by.
  'expect',
  'if-match',
  'if-unmodified-since',
  'upgrade',
  // Conditions are answered from the store: the application does not see them.
  'if-modified-since',
  'if-none-match',
])

/**
 * Fields that Node, the cache, body parsers or tracing libraries deal with. Read by these they shape no response; read by
 * anybody else they are inputs like all others.
 */
export const plumbingFields: ReadonlySet<string> = new Set([
  'connection',
  'content-length',
  'keep-alive',
  'te',
  'trailer',
  'transfer-encoding',
  // 206 is never stored, and ranges are cut from what is stored.
  'cache-control',
  'if-range',
  'pragma',
  'range',
  // Identifiers of one request that tracing libraries pass on.
  'baggage',
  'traceparent',
  'tracestate',
  'x-amzn-trace-id',
  'x-cloud-trace-context',
])
