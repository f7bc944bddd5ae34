import type { Timeline } from '../http/freshness.ts'
import { type HeaderFields, isHopByHop } from '../http/header-fields.ts'
import type { BodyForm, StoredResponse } from '../http/stored-response.ts'
import { isToken } from '../values/token.ts'
import { inOwnMemory } from '../store/compression.ts'
import type { ByteReader } from './byte-reader.ts'
import type { ByteWriter } from './byte-writer.ts'
import type { StoredFragment } from '../store/stored-fragment.ts'
import { TEXT_FORMS, type TextForm } from './text-form.ts'

/** What stands beside an entry in Redis, or is known only of a copy in memory. */
type Beside = 'startSequence' | 'startedAt' | 'dependencies' | 'verifiedAt'
// What stands in memory beside the body is made from the bytes of the entry: `coded` is no part of the head.

export type ResponseContent = Omit<StoredResponse, Beside>
export type FragmentContent = Omit<StoredFragment, Beside>
/** All that the bytes of an entry tell. */
export type EntryContent = ResponseContent | FragmentContent

// The place of a name in these lists is part of the format.
const KINDS: readonly EntryContent['kind'][] = ['response', 'fragment']
const BODY_FORMS: readonly BodyForm[] = ['bytes', 'text', 'json', 'none', 'null', 'unanswered']
const FLAGS = {
  isControlOurs: 1,
  mayServeStale: 2,
  noCache: 4,
  servesAuthorized: 8,
  madeAuthorized: 16,
} as const
const everyFlag = 31
/** In the place of a date: there is none. */
const NO_DATE = Infinity

/**
 * Writes all of it but its body.
 *
 * @param textForm of the body of a fragment, which is its text
 */
export function writeHead(writer: ByteWriter, content: EntryContent, textForm: TextForm): void {
  writer.byte(KINDS.indexOf(content.kind))
  writer.string(content.key)
  if (content.kind === 'response') writeResponse(writer, content)
  else writeFragment(writer, content, textForm)
}

/**
 * What rests under a key, of its head and its body. Whatever the bytes, no field of it ends early, begins another one, or
 * frames the message.
 *
 * @returns undefined when the bytes are no head, or that of another key
 */
export function readHead(reader: ByteReader, key: string, body: Buffer): EntryContent | undefined {
  const kind = KINDS[reader.byte()]
  // The key that was asked for, not an equal one: texts that come out of the bytes keep all of them in memory.
  if (reader.string() !== key || kind === undefined) return undefined
  // Of a fragment the text is kept, and not the bytes.
  return kind === 'response'
    ? readResponse(reader, key, inOwnMemory(body))
    : readFragment(reader, key, body)
}

function writeResponse(writer: ByteWriter, response: ResponseContent): void {
  const { primaryKey, key, fields, validators } = response
  writer.optionalString(primaryKey === key ? undefined : primaryKey)
  writer.varint(response.status)
  writer.optionalString(response.statusMessage)
  writer.byte(
    (response.isControlOurs ? FLAGS.isControlOurs : 0) +
      (response.mayServeStale ? FLAGS.mayServeStale : 0) +
      (response.noCache ? FLAGS.noCache : 0) +
      (response.servesAuthorized ? FLAGS.servesAuthorized : 0) +
      (response.wasAuthorized ? FLAGS.madeAuthorized : 0),
  )
  writer.byte(BODY_FORMS.indexOf(response.form))
  writeTimeline(writer, response.timeline)
  writer.optionalString(validators.etag)
  writer.float64(validators.lastModified ?? NO_DATE)
  writer.strings(fields)
  writeConfirmable(writer, response.confirmable, fields)
  writer.optionalString(response.group)
  writer.optionalString(response.route)
  writer.strings(response.added)
  writer.strings(response.removed)
  writer.strings(response.tags)
  writer.strings(response.inputs)
}

function readResponse(reader: ByteReader, key: string, body: Buffer): ResponseContent | undefined {
  const primaryKey = reader.optionalString() ?? key
  const status = reader.varint()
  const statusMessage = reader.optionalString()
  const flags = reader.byte()
  const form = BODY_FORMS[reader.byte()]
  const timeline = readTimeline(reader)
  const etag = reader.optionalString()
  const modified = reader.float64()
  const lastModified = modified === NO_DATE ? undefined : modified
  const fields = reader.strings()
  const confirmable = readConfirmable(reader, fields)
  const group = reader.optionalString()
  const route = reader.optionalString()
  const added = reader.strings()
  const removed = reader.strings()
  const tags = reader.strings()
  const inputs = reader.strings()
  if (form === undefined || timeline === undefined || flags > everyFlag) return undefined
  const isSound =
    reader.isWhole &&
    status >= 200 &&
    status <= 599 &&
    isFieldValue(statusMessage ?? '') &&
    isFieldValue(etag ?? '') &&
    Math.abs(lastModified ?? 0) <= LAST_DATE &&
    isStorable(fields) &&
    isStorable(confirmable ?? []) &&
    added.every(isLowerCaseName) &&
    removed.every(isLowerCaseName)
  if (!isSound) return undefined
  return {
    kind: 'response',
    primaryKey,
    key,
    status,
    statusMessage,
    fields,
    isControlOurs: (flags & FLAGS.isControlOurs) !== 0,
    added,
    removed,
    body,
    form,
    validators: { etag, lastModified },
    confirmable,
    timeline,
    mayServeStale: (flags & FLAGS.mayServeStale) !== 0,
    noCache: (flags & FLAGS.noCache) !== 0,
    servesAuthorized: (flags & FLAGS.servesAuthorized) !== 0,
    wasAuthorized: (flags & FLAGS.madeAuthorized) !== 0,
    group,
    tags,
    route,
    inputs,
  }
}

function writeFragment(writer: ByteWriter, fragment: FragmentContent, textForm: TextForm): void {
  writer.string(fragment.name)
  writer.string(fragment.version)
  writer.byte(TEXT_FORMS.indexOf(textForm))
  writeTimeline(writer, fragment.timeline)
  writer.optionalString(fragment.group)
  writer.strings(fragment.tags)
  writer.strings(fragment.inputs)
  writer.varint(fragment.assets.size)
  for (const [name, values] of fragment.assets) {
    writer.string(name)
    writer.strings(values)
  }
}

function readFragment(reader: ByteReader, key: string, body: Buffer): FragmentContent | undefined {
  const kind = 'fragment'
  const name = reader.string()
  const version = reader.string()
  const textForm = TEXT_FORMS[reader.byte()]
  const timeline = readTimeline(reader)
  const group = reader.optionalString()
  const tags = reader.strings()
  const inputs = reader.strings()
  const assets = new Map<string, readonly string[]>()
  for (let left = reader.count(); left > 0; left--) {
    assets.set(reader.string(), reader.strings())
  }
  if (textForm === undefined || timeline === undefined || !reader.isWhole) return undefined
  const text = body.toString(textForm)
  return { kind, key, name, version, text, timeline, tags, assets, inputs, group }
}

function writeTimeline(writer: ByteWriter, timeline: Timeline): void {
  writer.float64(timeline.cachedAt)
  writer.float64(timeline.initialAge)
  writer.float64(timeline.staleAt)
  writer.float64(timeline.revalidateUntil)
  writer.float64(timeline.errorUntil)
  writer.float64(timeline.deleteAt)
}

function readTimeline(reader: ByteReader): Timeline | undefined {
  const cachedAt = reader.float64()
  const initialAge = reader.float64()
  const staleAt = reader.float64()
  const revalidateUntil = reader.float64()
  const errorUntil = reader.float64()
  const deleteAt = reader.float64()
  const isSound =
    Number.isFinite(cachedAt) &&
    Number.isFinite(initialAge) &&
    isTimestamp(staleAt) &&
    isTimestamp(revalidateUntil) &&
    isTimestamp(errorUntil) &&
    isTimestamp(deleteAt)
  if (!isSound) return undefined
  return { cachedAt, initialAge, staleAt, revalidateUntil, errorUntil, deleteAt }
}

/** Its lines are mostly those of `fields`, in their order: each is told by its place there, so that both share the strings. */
function writeConfirmable(
  writer: ByteWriter,
  confirmable: HeaderFields | undefined,
  fields: HeaderFields,
): void {
  if (confirmable === undefined) return writer.varint(0)
  writer.varint(1 + confirmable.length / 2)
  let next = 0
  for (let i = 0; i < confirmable.length; i += 2) {
    const name = confirmable[i] ?? ''
    const value = confirmable[i + 1] ?? ''
    const found = placeOf(fields, name, value, next)
    if (found === undefined) {
      writer.varint(0)
      writer.string(name)
      writer.string(value)
    } else {
      writer.varint(1 + found / 2)
      next = found + 2
    }
  }
}

function readConfirmable(reader: ByteReader, fields: HeaderFields): HeaderFields | undefined {
  const count = reader.count()
  if (count === 0) return undefined
  const confirmable: string[] = []
  for (let left = count - 1; left > 0; left--) {
    const place = reader.varint()
    if (place === 0) confirmable.push(reader.string(), reader.string())
    // A place that is none gives an empty name, which no field has.
    else confirmable.push(fields[2 * place - 2] ?? '', fields[2 * place - 1] ?? '')
  }
  return confirmable
}

function placeOf(
  fields: HeaderFields,
  name: string,
  value: string,
  from: number,
): number | undefined {
  for (let i = from; i + 1 < fields.length; i += 2) {
    if (fields[i] === name && fields[i + 1] === value) return i
  }
  return undefined
}

/** Nothing is later or earlier than this, as dates of ECMAScript go. */
const LAST_DATE = 8.64e15
const FIELD_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/

/** What `node:http` takes as a value. */
function isFieldValue(value: string): boolean {
  return FIELD_VALUE.test(value)
}

/** Set anew for each client and each body: from a store they would frame the message, or speak to somebody else. */
const NEVER_STORED: ReadonlySet<string> = new Set(['age', 'content-length', 'set-cookie'])

/** Whether they are names and values that node takes, and none of them would change the message they stand in. */
function isStorable(fields: HeaderFields): boolean {
  if (fields.length % 2 === 1) return false
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i] ?? ''
    if (!isToken(name) || !isFieldValue(fields[i + 1] ?? '')) return false
    const lowerCase = name.toLowerCase()
    if (NEVER_STORED.has(lowerCase) || isHopByHop(lowerCase)) return false
  }
  return true
}

function isLowerCaseName(name: string): boolean {
  return isToken(name) && name === name.toLowerCase()
}

/** Infinity is one: that which never comes. */
function isTimestamp(value: number): boolean {
  return value > Number.NEGATIVE_INFINITY
}
