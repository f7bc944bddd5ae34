import { NO_TEXT, TEXT_FORMS } from './text-form.ts'

/** No number that {@link ByteReader.varint} takes is larger: five groups of seven bits. */
const MAX_VARINT = 5

/**
 * Takes what {@link ByteWriter} put down. Bytes that end too early are no error: every reading from there on gives zero or
 * nothing, and `isWhole` is false at the end. So no count is believed that the bytes have no room for.
 */
export class ByteReader {
  readonly #bytes: Buffer
  /** All of it as one character a byte: to cut a text out of this is several times as fast as to decode it by itself. */
  readonly #text: string
  #at = 0
  #isDamaged = false

  constructor(bytes: Buffer) {
    this.#bytes = bytes
    this.#text = bytes.toString('latin1')
  }

  /** Everything was read, and nothing beyond. */
  get isWhole(): boolean {
    return !this.#isDamaged && this.#at === this.#bytes.length
  }

  byte(): number {
    return this.#bytes[this.#take(1)] ?? 0
  }

  varint(): number {
    let value = 0
    let unit = 1
    for (let i = 0; i < MAX_VARINT; i++) {
      const byte = this.byte()
      value += (byte % 0x80) * unit
      if (byte < 0x80) return value
      unit *= 0x80
    }
    return this.#damaged(0)
  }

  float64(): number {
    const at = this.#take(8)
    return this.#isDamaged ? 0 : this.#bytes.readDoubleBE(at)
  }

  string(): string {
    return this.#string(this.varint())
  }

  optionalString(): string | undefined {
    const head = this.varint()
    return head === NO_TEXT ? undefined : this.#string(head)
  }

  /** How many follow, each of a byte or more. */
  count(): number {
    const count = this.varint()
    return count > this.#bytes.length - this.#at ? this.#damaged(0) : count
  }

  strings(): string[] {
    const texts: string[] = []
    for (let left = this.count(); left > 0; left--) texts.push(this.string())
    return texts
  }

  #string(head: number): string {
    const length = Math.floor(head / 4)
    const form = TEXT_FORMS[head % 4]
    const at = this.#take(length)
    if (form === undefined || this.#isDamaged) return this.#damaged('')
    if (form === 'latin1') return this.#text.slice(at, at + length)
    return this.#bytes.toString(form, at, at + length)
  }

  /** @returns where the bytes stand; at the end when there are fewer */
  #take(size: number): number {
    const at = this.#at
    if (size > this.#bytes.length - at) return this.#damaged(this.#bytes.length)
    this.#at = at + size
    return at
  }

  #damaged<Nothing>(nothing: Nothing): Nothing {
    this.#isDamaged = true
    this.#at = this.#bytes.length
    return nothing
  }
}
