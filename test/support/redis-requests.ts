/** Reads the names of the commands from a client's bytes, however they are cut. What is inside of arguments is no command. */
export class RequestReader {
  #line = ''
  /** Bytes to come of an argument, with its line end. Without any, a line is being read. */
  #argument = 0
  #isName = false
  #name = ''
  /** Arguments to come of the command that is being read. */
  #left = 0

  /** The names that are complete with these bytes, in capitals. */
  read(bytes: Buffer): string[] {
    const names: string[] = []
    for (let at = 0; at < bytes.length;) {
      at =
        this.#argument > 0 ? this.#readArgument(bytes, at, names) : this.#readLine(bytes, at, names)
    }
    return names
  }

  #readArgument(bytes: Buffer, at: number, names: string[]): number {
    const end = Math.min(bytes.length, at + this.#argument)
    if (this.#isName) this.#name += bytes.toString('latin1', at, end)
    this.#argument -= end - at
    if (this.#argument === 0) {
      if (this.#isName) names.push(this.#name.trim().toUpperCase())
      this.#isName = false
      this.#left--
    }
    return end
  }

  #readLine(bytes: Buffer, at: number, names: string[]): number {
    const lineEnd = bytes.indexOf(0x0a, at)
    const end = lineEnd === -1 ? bytes.length : lineEnd + 1
    this.#line += bytes.toString('latin1', at, end)
    if (lineEnd === -1) return end
    const line = this.#line.trim()
    this.#line = ''
    if (this.#left === 0) {
      // Without an array it is an inline command: a line of words.
      if (line.startsWith('*')) {
        this.#left = Math.max(0, Number(line.slice(1)))
        this.#isName = this.#left > 0
        this.#name = ''
      } else if (line !== '') {
        names.push((line.split(' ', 1)[0] ?? '').toUpperCase())
      }
    } else {
      this.#argument = Number(line.slice(1)) + 2
    }
    return end
  }
}
