import type { Context } from 'koa'
import {
  SymbolSlot,
  type Rendition,
  type StoredResponse,
  isHttp1,
  setStored,
  withoutFields,
} from '../../src/adapter.ts'

import { isAnswered } from './body.ts'

/** A stored body as text, decoded once; the store counts its bytes. */
interface Text {
  readonly text: string
  /** Node writes the head in the encoding of a text that follows it: beyond ASCII the bytes would differ. */
  readonly hasPlainHead: boolean
}

const texts = new WeakMap<StoredResponse, Text>()
const asText = new SymbolSlot<StoredResponse>('text')
const contentLength: ReadonlySet<string> = new Set(['content-length'])

/** Puts a stored response into ctx, in the form the application had it. */
export function putStored(ctx: Context, stored: StoredResponse, rendition: Rendition): void {
  const { status, message, fields, added, body, isWhole } = rendition
  const form = isWhole ? stored.form : 'bytes'
  if (form !== 'unanswered' || isAnswered(ctx)) ctx.status = status
  if (message !== undefined && isHttp1(ctx.req)) ctx.message = message
  const isSent = body !== undefined || (isWhole && ctx.method === 'HEAD')
  const type: unknown = ctx.res.getHeader('Content-Type')
  if (form === 'text') {
    ctx.body = textOf(stored).text
    asText.set(ctx, stored)
  } else if (form === 'json') ctx.body = objectOf(stored.body.toString())
  // What stands outside may write into the Buffer it finds. Sending costs more than this copy: a millisecond for a MiB.
  else if (form === 'bytes' && isSent) ctx.body = Buffer.from(body ?? stored.body)
  else if (form !== 'none' && form !== 'unanswered') ctx.body = null
  // A body sets a type, and null a status: what is stored has the last word.
  if (ctx.status !== status) ctx.status = status
  if (typeof type === 'string') ctx.res.setHeader('Content-Type', type)
  else ctx.res.removeHeader('Content-Type')
  for (const name of stored.removed) ctx.res.removeHeader(name)
  // The length of these is Koa's to derive, from what leaves the outermost middleware.
  const isOpen = form === 'json' || form === 'none' || form === 'unanswered'
  setStored(ctx.res, stored, isOpen ? withoutFields(fields, contentLength) : fields, added)
}

/** All middleware has run: text that none of it changed goes out as its bytes, so that no hit encodes it anew. */
export function sendTextAsBytes(ctx: Context): void {
  const stored = asText.get(ctx)
  if (stored === undefined) return
  const { text, hasPlainHead } = textOf(stored)
  if (!hasPlainHead || ctx.body !== text) return
  const hasType = ctx.res.hasHeader('Content-Type')
  ctx.body = stored.body
  if (!hasType) ctx.res.removeHeader('Content-Type')
}

/** What has this JSON; a text or null among Koa's bodies would be another answer than the object that became one. */
function objectOf(json: string): unknown {
  const value: unknown = JSON.parse(json)
  return typeof value === 'string' || value === null ? { toJSON: () => value } : value
}

function textOf(stored: StoredResponse): Text {
  const known = texts.get(stored)
  if (known) return known
  const hasPlainHead = stored.fields.every((field) => Buffer.byteLength(field) === field.length)
  const text = { text: stored.body.toString(), hasPlainHead }
  texts.set(stored, text)
  return text
}
