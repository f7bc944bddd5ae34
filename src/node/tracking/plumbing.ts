import { callSitesAbove } from '../../events/call-site.ts'

/**
 * Packages that read fields of framing, ranges and traces for what these are meant for: they serve a range, read a body,
 * continue a trace. What anybody else reads of such a field shapes the response like any other.
 */
const packages = [
  // Files, ranges and conditions.
  'send|serve-static|koa-send|koa-range|fresh|range-parser',
  // Bodies.
  'body-parser|raw-body|type-is|co-body|busboy|multer|on-finished|finalhandler',
  // Traces.
  '@opentelemetry/[^/]+|@sentry/[^/]+|dd-trace|newrelic|elastic-apm-node|@google-cloud/[^/]+',
  'aws-xray-sdk[^/]*|applicationinsights|@splunk/[^/]+|@honeycombio/[^/]+',
].join('|')

const plumbing = new RegExp(`^node:(?:_http|internal/http)|/node_modules/(?:${packages})/`)
/** Getters of frameworks and what stands between them: who called them is the one who reads. */
const between = /\/node_modules\/(?:(?:express|koa)[^/]*\/lib\/(?:request|context)\.js|delegates\/)/

/** Is a field read now by code that does with it what the cache, Node or a trace does anyway? */
export function isPlumbing(below: (...args: never[]) => unknown): boolean {
  for (const { file } of callSitesAbove(below, 8)) {
    const path = file.replaceAll('\\', '/')
    if (!between.test(path)) return plumbing.test(path)
  }
  return false
}
