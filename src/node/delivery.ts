import { randomBytes } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import type { HitReason } from '../events/reasons.ts'
import { printable, serverTiming } from '../response/response-fields.ts'
import type { IncomingRequest } from '../request/incoming-request.ts'
import type { Settings } from '../request/settings.ts'
import { setFields } from './head/header-snapshot.ts'
import { cacheStatus } from '../http/cache-status.ts'
import { currentAge, timeToLive } from '../http/freshness.ts'
import { type HeaderFields, fieldValue, withoutFields } from '../http/header-fields.ts'
import { parseHttpDate } from '../http/http-date.ts'
import { multipartBody } from '../http/multipart.ts'
import { applyRange } from '../http/range.ts'
import type { CodedBody, StoredResponse } from '../http/stored-response.ts'
import { isNotModified, notModifiedFields } from '../http/validation.ts'
import { codedFields, codedFor, codedValidators, variedByCoding } from '../http/coded.ts'

/** How the stored response came to be used, for Cache-Status and `why`. */
export interface Report {
  readonly kind: HitReason
  /** The application ran and answered with this status. */
  readonly forwardedStatus?: number
}

/** The response's own functions, where others stand before them. */
export interface Writer {
  writeHead(status: number, ...rest: unknown[]): unknown
  end(...args: unknown[]): unknown
}

/** Heads ready for writeHead, with the places of what changes by the second. */
interface Wire {
  readonly full: string[]
  readonly notModified: string[]
  second: number
  /** The coded body that there was when it was prepared: with it the response varies. */
  readonly beside: CodedBody | undefined
}

const wires = new WeakMap<StoredResponse | CodedBody, Wire>()
const places = { age: 1, cacheStatus: 3 } as const

/** A stored response as one request gets it. */
export interface Rendition {
  readonly status: number
  readonly message: string | undefined
  readonly fields: HeaderFields
  /** Names of fields that come behind what outer layers have set, in lower case. */
  readonly added: readonly string[]
  /** Undefined where there is none to send: HEAD, 204, 304, 416. */
  readonly body: Buffer | undefined
  /** The body is the whole stored one. */
  readonly isWhole: boolean
}

/** What a request gets of a stored response: all of it, 304, or ranges (RFC 9110 §13.2.2, §14); GET and HEAD alike. */
export function renditionOf(
  request: IncomingRequest,
  stored: StoredResponse,
  settings: Settings,
  report: Report,
  mayBeCoded = false,
): Rendition {
  const { headers, method } = request
  const coded = mayBeCoded ? codedFor(headers, stored) : undefined
  const added = addedBy(stored, settings.debug)
  if (stored.status === 200) {
    const isConditional =
      headers['if-none-match'] !== undefined || headers['if-modified-since'] !== undefined
    const validators = coded ? codedValidators(stored.fields, coded.coding) : stored.validators
    if (isConditional && isNotModified(headers, validators)) {
      const fields = fieldsFor('notModified', stored, coded, settings, report)
      return { status: 304, message: undefined, fields, added, body: undefined, isWhole: false }
    }
    if (headers['range'] !== undefined && method === 'GET' && takesRanges(stored)) {
      const partial = partialOf(
        request,
        stored,
        fieldsFor('full', stored, undefined, settings, report),
      )
      if (partial) return { ...partial, added }
    }
  }
  const fields = fieldsFor('full', stored, coded, settings, report)
  const { status, statusMessage: message } = stored
  const isBodiless = method === 'HEAD' || hasNoBody(status)
  const body = isBodiless ? undefined : (coded ?? stored).body
  return { status, message, fields, added, body, isWhole: true }
}

/** Sends a stored response with one writeHead and one end; the head is ready and the body is never copied. */
export function deliver(
  request: IncomingRequest,
  response: ServerResponse,
  stored: StoredResponse,
  settings: Settings,
  report: Report,
  writer: Writer = response,
): void {
  const { status, message, fields, added, body } = renditionOf(
    request,
    stored,
    settings,
    report,
    true,
  )
  const isBare = request.isHttp1 && !Object.hasOwn(response, 'writeHead')
  if (isBare && response.getHeaderNames().length === 0) {
    if (message === undefined) writer.writeHead(status, fields)
    else writer.writeHead(status, message, fields)
  } else {
    for (const name of stored.removed) response.removeHeader(name)
    setStored(response, stored, fields, added)
    response.statusCode = status
    // HTTP/2 has no reason phrase (RFC 9113 §8.3.2).
    if (message === undefined || !request.isHttp1) writer.writeHead(status)
    else writer.writeHead(status, message)
  }
  if (body === undefined) writer.end()
  else writer.end(body)
}

const reports: readonly string[] = ['cache-status']
const explainedReports: readonly string[] = ['cache-status', 'server-timing']

/** Reports follow those of outer layers (RFC 9211 §2), and so do lines that the application added to theirs. */
function addedBy({ added }: StoredResponse, explains: boolean): readonly string[] {
  const ours = explains ? explainedReports : reports
  return added.length === 0 ? ours : [...ours, ...added]
}

const control: ReadonlySet<string> = new Set(['cache-control'])

/** Sets fields of a stored response beside those of outer layers; a Cache-Control of ours gives way to theirs. */
export function setStored(
  response: ServerResponse,
  { isControlOurs }: StoredResponse,
  fields: HeaderFields,
  added: readonly string[],
): void {
  const givesWay =
    isControlOurs && (response.hasHeader('Cache-Control') || response.hasHeader('Expires'))
  setFields(response, givesWay ? withoutFields(fields, control) : fields, added)
}

function hasNoBody(status: number): boolean {
  return status === 204 || status === 304
}

/** What says that it takes no ranges is cut by nobody else either (RFC 9110 §14.3). */
function takesRanges({ fields }: StoredResponse): boolean {
  return fieldValue(fields, 'accept-ranges')?.trim().toLowerCase() !== 'none'
}

function servesRanges({ fields }: StoredResponse): boolean {
  return fieldValue(fields, 'accept-ranges')?.trim().toLowerCase() === 'bytes'
}

/** @returns undefined when the whole response is the right answer. */
function partialOf(
  request: IncomingRequest,
  stored: StoredResponse,
  head: HeaderFields,
): Omit<Rendition, 'added'> | undefined {
  const { body, fields, validators } = stored
  const type = fieldValue(fields, 'content-type')
  const date = parseHttpDate(fieldValue(fields, 'date'))
  const answer = applyRange(request.headers, { ...validators, date }, body.byteLength, type)
  if (answer.kind === 'whole') return undefined
  // Only who serves ranges says that one cannot be had; others ignore the question, and give the whole (RFC 9110 §14.2).
  if (answer.kind === 'unsatisfiable' && !servesRanges(stored)) return undefined
  const rest = withoutFields(head, new Set(['content-length', 'content-range']))
  const partial = { status: 206, message: undefined, isWhole: false } as const
  if (answer.kind === 'unsatisfiable') {
    const representation = new Set(['content-type', 'etag', 'last-modified', 'content-encoding'])
    const fieldsOf416 = withoutFields(rest, representation)
    fieldsOf416.push('Content-Range', answer.contentRange, 'Content-Length', '0')
    return { ...partial, status: 416, fields: fieldsOf416, body: undefined }
  }
  if (answer.kind === 'single') {
    const { start, end, contentRange } = answer
    rest.push('Content-Range', contentRange, 'Content-Length', String(end - start))
    return { ...partial, fields: rest, body: body.subarray(start, end) }
  }
  const parts = multipartBody(body, answer, randomBytes(16).toString('hex'))
  const ofParts = withoutFields(rest, new Set(['content-type']))
  ofParts.push('Content-Type', parts.contentType, 'Content-Length', String(parts.contentLength))
  return { ...partial, fields: ofParts, body: Buffer.concat(parts.chunks) }
}

/** The head of one kind, with Age and Cache-Status of this second (RFC 9111 §5.1, RFC 9211). */
function fieldsFor(
  kind: 'full' | 'notModified',
  stored: StoredResponse,
  coded: CodedBody | undefined,
  settings: Settings,
  report: Report,
): HeaderFields {
  const existing = wires.get(coded ?? stored)
  const wire = existing?.beside === stored.coded && existing ? existing : prepared(stored, coded)
  const now = settings.clock()
  const second = Math.floor(now / 1000)
  const isPlain = report.kind === 'fresh' && !settings.debug && settings.cacheStatus === true
  if (isPlain && wire.second === second) return wire[kind]
  const age = String(currentAge(stored.timeline, now))
  const status = statusOf(stored, settings, report, now)
  if (isPlain) {
    wire.second = second
    for (const fields of [wire.full, wire.notModified]) {
      fields[places.age] = age
      fields[places.cacheStatus] = status
    }
    return wire[kind]
  }
  const own = ['Age', age]
  if (settings.cacheStatus !== false) own.push('Cache-Status', status)
  if (settings.debug) {
    const why = printable(whyOf(stored, report, now))
    own.push('cacheflow-debug', why, 'Server-Timing', serverTiming(why))
  }
  return [...own, ...wire[kind].slice(places.cacheStatus + 1)]
}

function prepared(stored: StoredResponse, coded: CodedBody | undefined): Wire {
  const own = coded
    ? codedFields(stored.fields, coded.coding)
    : stored.coded
      ? variedByCoding(stored.fields)
      : stored.fields
  const fields = withoutFields(own, new Set(['cache-status', 'content-length']))
  const { byteLength } = (coded ?? stored).body
  const length = hasNoBody(stored.status) ? [] : ['Content-Length', String(byteLength)]
  const slots = ['Age', '', 'Cache-Status', '']
  const wire = {
    full: [...slots, ...fields, ...length],
    notModified: [...slots, ...notModifiedFields(fields)],
    second: -1,
    beside: stored.coded,
  }
  wires.set(coded ?? stored, wire)
  return wire
}

function statusOf(stored: StoredResponse, settings: Settings, report: Report, now: number): string {
  const upstream = fieldValue(stored.fields, 'cache-status')
  const key = settings.cacheStatus === 'debug' ? { key: stored.primaryKey } : {}
  if (report.forwardedStatus !== undefined) {
    const fwdStatus = report.forwardedStatus
    return cacheStatus({ name: 'cacheflow', fwd: 'stale', fwdStatus, ...key }, upstream)
  }
  const ttl = timeToLive(stored.timeline, now)
  if (report.kind === 'collapsed') {
    return cacheStatus(
      { name: 'cacheflow', fwd: 'uri-miss', collapsed: true, ttl, ...key },
      upstream,
    )
  }
  return cacheStatus({ name: 'cacheflow', hit: true, ttl, ...key }, upstream)
}

function whyOf(stored: StoredResponse, report: Report, now: number): string {
  const vary = stored.inputs.length === 0 ? '' : `; vary: ${stored.inputs.join(' ')}`
  const { timeline } = stored
  const age = `age=${currentAge(timeline, now)}; ttl=${timeToLive(timeline, now)}`
  return `hit: ${report.kind}; ${age}${vary}`
}
