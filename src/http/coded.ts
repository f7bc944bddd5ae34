import { parseCacheControl } from './cache-control.ts'
import {
  type HeaderFields,
  type RequestHeaders,
  fieldValue,
  withoutFields,
} from './header-fields.ts'
import { acceptsCoding } from './normalisation.ts'
import type { CodedBody, StoredResponse } from './stored-response.ts'
import { type Validators, validatorsOf } from './validation.ts'

/** May its body be sent in another coding than the application chose (RFC 9110 §7.7)? */
export function mayBeCoded({
  status,
  fields,
  inputs,
}: Pick<StoredResponse, 'status' | 'fields' | 'inputs'>): boolean {
  return (
    status === 200 &&
    fieldValue(fields, 'content-encoding') === undefined &&
    // Where the application chooses by Accept-Encoding itself, it has chosen.
    !inputs.includes('accept-encoding') &&
    !parseCacheControl(fieldValue(fields, 'cache-control')).noTransform
  )
}

/** The coded body, where this request accepts it; ranges are those of the body as it is. */
export function codedFor(
  headers: RequestHeaders,
  { coded }: StoredResponse,
): CodedBody | undefined {
  if (coded === undefined || headers['range'] !== undefined) return undefined
  const accepted = headers['accept-encoding']
  if (typeof accepted !== 'string') return undefined
  return acceptsCoding(accepted, coded.coding) ? coded : undefined
}

/** Whoever has both of them in a cache keeps them apart. */
export function variedByCoding(fields: HeaderFields): HeaderFields {
  const vary = fieldValue(fields, 'vary')
  const names = vary?.split(',').map((name) => name.trim().toLowerCase()) ?? []
  if (names.includes('accept-encoding') || names.includes('*')) return fields
  const whole = vary === undefined ? 'Accept-Encoding' : `${vary}, Accept-Encoding`
  return [...withoutFields(fields, new Set(['vary'])), 'Vary', whole]
}

/** The fields of the coded representation: another one, so that a strong tag is another, too (RFC 9110 §8.8.3.3). */
export function codedFields(fields: HeaderFields, coding: string): HeaderFields {
  const etag = fieldValue(fields, 'etag')
  const own = withoutFields(
    variedByCoding(fields),
    new Set(['etag', 'content-encoding', 'accept-ranges']),
  )
  const tagged = etag === undefined ? [] : ['ETag', codedTag(etag, coding)]
  return [...own, ...tagged, 'Content-Encoding', coding]
}

/** The validators that belong to the coded representation. */
export function codedValidators(fields: HeaderFields, coding: string): Validators {
  return validatorsOf(codedFields(fields, coding))
}

function codedTag(etag: string, coding: string): string {
  return etag.startsWith('"') ? `${etag.slice(0, -1)}-${coding}"` : etag
}
