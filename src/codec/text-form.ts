export const TEXT_FORMS = ['latin1', 'utf8', 'utf16le'] as const

/** How a text rests as bytes. */
export type TextForm = (typeof TEXT_FORMS)[number]

/** In the place of a text's length and form: there is none. The last two bits are those of no form. */
export const NO_TEXT = 3

const BEYOND_LATIN1 = /[\u0100-\uFFFF]/
const LONE_SURROGATE = /\p{Surrogate}/u

/** The smallest form that keeps every character: UTF-8 would lose a surrogate that stands alone. */
export function textFormOf(text: string): TextForm {
  if (!BEYOND_LATIN1.test(text)) return 'latin1'
  return LONE_SURROGATE.test(text) ? 'utf16le' : 'utf8'
}
