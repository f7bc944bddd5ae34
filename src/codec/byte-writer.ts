import { NO_TEXT, TEXT_FORMS, textFormOf } from './text-form.ts'

const initialSize = 1_024

/** Puts numbers and texts one behind the other, as {@link ByteReader} takes them. */
export class ByteWriter {
  #bytes = Buffer.allocUnsafe(initialSize)
  #length = 0

  /** What was written: a view, good until more is. */
  get written(): Buffer {
    return this.#bytes.subarray(0, this.#length)
  }

  byte(value: number): void {
    const at = this.#room(1)
    this.#bytes[at] = value
  }

  /** A whole number from 0 in groups of seven bits, the lowest first; all but the last have the eighth bit. */
  varint(value: number): void {
    let rest = value
    while (rest >= 0x80) {
      this.byte((rest % 0x80) + 0x80)
      rest = Math.floor(rest / 0x80)
    }
    this.byte(rest)
  }

  float64(value: number): void {
    const at = this.#room(8)
    this.#bytes.writeDoubleBE(value, at)
  }

  /** Its length in bytes and its form in one number, then its bytes. */
  string(text: string): void {
    const form = textFormOf(text)
    const length = form === 'latin1' ? text.length : Buffer.byteLength(text, form)
    this.varint(length * 4 + TEXT_FORMS.indexOf(form))
    const at = this.#room(length)
    this.#bytes.write(text, at, form)
  }

  optionalString(text: string | undefined): void {
    if (text === undefined) this.varint(NO_TEXT)
    else this.string(text)
  }

  strings(texts: readonly string[]): void {
    this.varint(texts.length)
    for (const text of texts) this.string(text)
  }

  /** @returns where the next bytes go */
  #room(size: number): number {
    const at = this.#length
    this.#length += size
    if (this.#length > this.#bytes.length) {
      const larger = Buffer.allocUnsafe(2 * this.#length)
      this.#bytes.copy(larger, 0, 0, at)
      this.#bytes = larger
    }
    return at
  }
}
