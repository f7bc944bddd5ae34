/**
 * A text and a place in it that only moves forward, so that whatever is read with it takes time in
 * proportion to the text.
 */
export class Scanner {
  readonly #text: string
  #at = 0

  constructor(text: string) {
    this.#text = text
  }

  get atEnd(): boolean {
    return this.#at >= this.#text.length
  }

  /** The next character, or '' at the end. */
  get next(): string {
    return this.#text.charAt(this.#at)
  }

  /** Steps over the character if it is the next one, and says whether it was. */
  skip(char: string): boolean {
    if (this.next !== char) return false
    this.#at += 1
    return true
  }

  /** Takes the characters as long as the test holds. */
  takeWhile(test: (char: string) => boolean): string {
    const start = this.#at
    while (!this.atEnd && test(this.next)) this.#at += 1
    return this.#text.slice(start, this.#at)
  }

  /** Takes as many characters, or fewer at the end. */
  take(count: number): string {
    const taken = this.#text.slice(this.#at, this.#at + count)
    this.#at += taken.length
    return taken
  }
}
