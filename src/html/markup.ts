/** One tag of a page: `<meta name="x" content="y">`. */
export interface Tag {
  /** Where its name begins. */
  readonly start: number
  /** Behind its last character. */
  readonly end: number
  /** Behind the last character of its script; of every other element the same as `end`. */
  readonly scriptEnd: number
}

const TAB = 0x09
const SPACE = 0x20
const QUOTE = 0x22
const APOSTROPHE = 0x27
const SLASH = 0x2f
const EQUALS = 0x3d
const GREATER = 0x3e

/**
 * The opening tags of a page, in order; what stands between them is left aside, and so is escaped text. Comments are not: a form that is
 * commented out is sent all the same. Takes time in proportion to the page, whatever the page is.
 */
export function* tagsIn(page: string): Generator<Tag> {
  for (let at = page.indexOf('<'); at >= 0; at = page.indexOf('<', at)) {
    at += 1
    if (!isLetter(page.charCodeAt(at))) continue
    const end = endOfTag(page, at)
    const isScript = isLetterS(page, at) && page.slice(at, at + 6).toLowerCase() === 'script'
    const scriptEnd = isScript ? endOfScript(page, end) : end
    yield { start: at, end, scriptEnd }
    at = scriptEnd
  }
}

/** A quote that never closes goes on to the end of the page. */
function endOfTag(page: string, start: number): number {
  for (let at = start; at < page.length; at++) {
    const code = page.charCodeAt(at)
    if (code === GREATER) return at + 1
    if ((code === QUOTE || code === APOSTROPHE) && page.charCodeAt(at - 1) !== SLASH) {
      const close = page.indexOf(code === QUOTE ? '"' : "'", at + 1)
      if (close < 0) return page.length
      at = close
    }
  }
  return page.length
}

/** The attributes of a tag by name in lower case, as they are written; of a repeated one the first counts. */
export function attributesOf(tag: string): Map<string, string> {
  const attributes = new Map<string, string>()
  let at = skip(tag, 0, isNameCode)
  while (at < tag.length) {
    at = skip(tag, at, (code) => isBlank(code) || code === SLASH)
    const start = at
    at = skip(tag, at, isNameCode)
    const name = tag.slice(start, at).toLowerCase()
    const afterName = skip(tag, at, isBlank)
    let value = ''
    if (tag.charCodeAt(afterName) === EQUALS) {
      const begin = skip(tag, afterName + 1, isBlank)
      const quote = tag.charAt(begin)
      const isQuoted = quote === '"' || quote === "'"
      const close = isQuoted ? tag.indexOf(quote, begin + 1) : skip(tag, begin, isValueCode)
      const end = close < 0 ? tag.length : close
      value = tag.slice(isQuoted ? begin + 1 : begin, end)
      at = isQuoted ? end + 1 : end
    } else if (at === start) {
      // What is no name, such as a stray quote.
      at += 1
    }
    if (name !== '' && !attributes.has(name)) attributes.set(name, value)
  }
  return attributes
}

/** A script ends at `</script` and nowhere else, and one that never ends at the end of the page. */
function endOfScript(page: string, start: number): number {
  let close = page.indexOf('</', start)
  while (close >= 0 && page.slice(close + 2, close + 8).toLowerCase() !== 'script') {
    close = page.indexOf('</', close + 2)
  }
  return close < 0 ? page.length : close
}

function skip(text: string, from: number, isSkipped: (code: number) => boolean): number {
  let at = from
  while (at < text.length && isSkipped(text.charCodeAt(at))) at++
  return at
}

function isBlank(code: number): boolean {
  return code <= SPACE && (code === SPACE || (code >= TAB && code <= 0x0d))
}

function isNameCode(code: number): boolean {
  return !isBlank(code) && code !== EQUALS && code !== GREATER && code !== SLASH && code !== QUOTE
}

function isValueCode(code: number): boolean {
  return !isBlank(code) && code !== GREATER
}

function isLetterS(page: string, at: number): boolean {
  return page.charAt(at) === 's' || page.charAt(at) === 'S'
}

function isLetter(code: number): boolean {
  return (code >= 0x61 && code <= 0x7a) || (code >= 0x41 && code <= 0x5a)
}
