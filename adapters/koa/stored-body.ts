import type { Context } from 'koa'
import { type StoredResponse, setFields, withoutFields } from '../../src/adapter.ts'

/** A stored body as text, decoded once; the store counts its bytes. */
export interface Text {
  readonly text: string
  /** Node writes the head in the encoding of a text that follows it: beyond ASCII the bytes would differ. */
  readonly hasPlainHead: boolean
}
const texts = new WeakMap<StoredResponse, Text>()

export function textOf(stored: StoredResponse): Text {
  const known = texts.get(stored)
  if (known) return known
  const hasPlainHead = stored.fields.every((field) => Buffer.byteLength(field) === field.length)
  const text = { text: stored.body.toString(), hasPlainHead }
  texts.set(stored, text)
  return text
}

/** @param isOpen the length is Koa's to derive, from what leaves the outermost middleware */
export function applyFields(ctx: Context, fields: readonly string[], isOpen: boolean): void {
  setFields(ctx.res, isOpen ? withoutFields(fields, contentLength) : fields)
}

const contentLength: ReadonlySet<string> = new Set(['content-length'])
