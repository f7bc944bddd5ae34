/** A template in no engine's words: each language writes it in its own. */
export type Part =
  | { readonly kind: 'text'; readonly text: string }
  /** A property of a row, escaped: `row.title`. */
  | { readonly kind: 'value'; readonly of: string; readonly property: string }
  /** `rows` of the page, or the `items` of a row. */
  | {
      readonly kind: 'each'
      readonly row: string
      readonly of: string | undefined
      readonly parts: readonly Part[]
    }
  | {
      readonly kind: 'fragment'
      readonly name: string
      readonly of: string | undefined
      readonly maxAge?: string
      readonly parts: readonly Part[]
    }
  /** Another template, which sees some of the rows. */
  | { readonly kind: 'include'; readonly file: string; readonly rows: readonly string[] }

export const text = (written: string): Part => ({ kind: 'text', text: written })
export const value = (of: string, property = 'title'): Part => ({ kind: 'value', of, property })
export const each = (row: string, of: string | undefined, ...parts: readonly Part[]): Part => ({
  kind: 'each',
  row,
  of,
  parts,
})
export const fragment = (
  name: string,
  of: string | undefined,
  ...parts: readonly Part[]
): Part & { readonly kind: 'fragment' } => ({ kind: 'fragment', name, of, parts })
export const include = (file: string, ...rows: readonly string[]): Part => ({
  kind: 'include',
  file,
  rows,
})

/** The same without the fragments: what an engine shows that has never heard of them. */
export function plain(parts: readonly Part[]): Part[] {
  return parts.flatMap((part) => {
    switch (part.kind) {
      case 'fragment':
        return plain(part.parts)
      case 'each':
        return [{ ...part, parts: plain(part.parts) }]
      default:
        return [part]
    }
  })
}
