import { attributesOf, tagsIn } from './markup.ts'

/** The name of a token against cross-site request forgery, by its letters and digits: csrfToken, X-XSRF-TOKEN, app_csrf, _token. */
const tokenName =
  /(?:[cx]srf(?:token|key|value|nonce|hash|code|secret|id|testname)?|authenticitytoken|csrfmiddlewaretoken|verificationtoken|antiforgerytoken)$/
/** Names of it that stand alone: of Moodle, Magento and WordPress. */
const otherName = /^(?:sesskey|formkey|wpnonce)$/
/** Names that any token may have: in a form it is this visitor's, elsewhere it may be anything. */
const formName = /^\w{0,24}token$/

/** Letters that every such name has. */
const mark = /[cx]srf|token|sesskey|form_?key|wpnonce/i

/** What a value begins with that is no token yet: a template's place for one. */
const placeholder = /^(?:\{\{|\$\{|<%|\[\[|%%|__)/

/** Does the text name a token? @param text as it is written, in any case and with any separators */
function isTokenName(text: string): boolean {
  const letters = lettersOf(text)
  return text === '_token' || tokenName.test(letters) || otherName.test(letters)
}

function lettersOf(text: string): string {
  return text.length > 128 ? '' : text.toLowerCase().replaceAll(/[^a-z0-9]+/g, '')
}

/** The first token in a page; escaped text is none, and neither is a field that a script is to fill. */
export function csrfTokenIn(page: string): string | undefined {
  for (const { start, end, scriptEnd } of tagsIn(page)) {
    const tag = page.slice(start, end)
    const found = mark.test(tag) ? tokenInTag(tag) : undefined
    if (found !== undefined) return found
    const script = scriptEnd > end ? tokenInScript(page.slice(end, scriptEnd)) : undefined
    if (script !== undefined) return script
  }
  return undefined
}

const namingAttributes = ['name', 'property', 'http-equiv', 'itemprop', 'id', 'data-name']
const valueAttributes = ['value', 'content', 'nonce', 'data-value', 'data-content', 'data-token']

function tokenInTag(tag: string): string | undefined {
  const attributes = attributesOf(tag)
  for (const naming of namingAttributes) {
    const name = attributes.get(naming)
    if (name === undefined) continue
    const isKnown = isTokenName(name)
    const isForm = !isKnown && naming === 'name' && formName.test(lettersOf(name))
    if (!isForm && !isKnown) continue
    const isGiven = valueAttributes.some((attribute) => {
      const value = attributes.get(attribute) ?? ''
      return isForm ? isRandom(value, 8) : isFilled(value)
    })
    if (isGiven) return `${naming}="${name}"`
  }
  for (const [name, value] of attributes) {
    if (isTokenName(name) && isToken(value)) return name
    if (value.length < 6 || !mark.test(value)) continue
    const found = tokenInScript(unescaped(value))
    if (found !== undefined) return found
  }
  return undefined
}

/** Places in a script or in JSON that may name a token. */
const scriptMark =
  /[cx]srf|authenticity_?token|verificationtoken|antiforgerytoken|_token|sesskey|form_?key|wpnonce/gi
/**
 * What follows the first letters of a name up to its value: `Token":"x1"`, `-Token'] = 'x1'`, `', 'x1'`, `: { token: "x1"`. Quotes may be
 * escaped, for JSON within JSON. Every part is bounded.
 */
const scriptValue =
  /([\w$-]{0,40})[\\"'`\]]{0,8}\s{0,9}[:=,]\s{0,9}(?:\{\s{0,9}[\\"']{0,4}(?:token|value|hash)[\\"']{0,4}\s{0,9}:\s{0,9})?[\\]{0,4}["'`]([^"'`\\\r\n]{1,512})["'`\\]/y
/** In a query: `/upload?_csrf=x1`. */
const queryValue = /([\w$-]{0,40})=([\w.~%+-]{2,512})/y

/** The first token in a script, or in JSON. */
export function tokenInScript(script: string): string | undefined {
  scriptMark.lastIndex = 0
  for (let hit = scriptMark.exec(script); hit !== null; hit = scriptMark.exec(script)) {
    const { index } = hit
    const behind = scriptMark.lastIndex
    for (const pattern of [scriptValue, queryValue]) {
      if (pattern === queryValue && !isInQuery(script, index)) continue
      pattern.lastIndex = behind
      const [, rest = '', value = ''] = pattern.exec(script) ?? []
      const name = hit[0] + rest
      if (value !== '' && isTokenName(name) && isToken(value)) return name
    }
  }
  return undefined
}

/** A small answer that is nothing but a token: `{"token":"x1"}`. */
export function isTokenResponse(json: string): boolean {
  const [, value] =
    /^\s{0,9}\{\s{0,9}"token"\s{0,9}:\s{0,9}"([^"\\]{1,512})"\s{0,9}\}\s{0,9}$/.exec(json) ?? []
  return value !== undefined && isRandom(value, 8)
}

function isInQuery(script: string, index: number): boolean {
  const before = script.slice(Math.max(0, index - 40), index)
  return /[?&;][\w$-]*$/.test(before)
}

/** A field of a form, or a meta element, with something in it. */
function isFilled(value: string): boolean {
  const text = value.trim()
  return text !== '' && !placeholder.test(text)
}

/** Words that settings and messages have under such a name. Another word may be a token: none can tell. */
const settings: ReadonlySet<string> = new Set(
  (
    'true false null undefined none on off yes no auto enabled disabled enable disable default custom required optional strict lax ' +
    'cookie cookies header headers session sessions form body query meta stateless double signed missing invalid expired mismatch ' +
    'failed error forbidden denied ignore ignored skip rejected valid verified protection protected'
  ).split(' '),
)

/** Elsewhere a word may stand under such a name: `csrf: "disabled"`, `csrfHeader: "X-CSRF-Token"`, `data-csrf="/csrf"`. */
function isToken(value: string): boolean {
  const text = value.trim()
  if (text.length < 2 || !isFilled(text) || /\s/.test(text)) return false
  const isWord = settings.has(text.toLowerCase())
  const isName =
    /^[a-z_-]*(?:[cx]srf|token)$|^[a-z_-]*(?:[cx]srf|token)[a-z_-]*$/i.test(text) &&
    text.length < 40
  const isPath = /^(?:https?:\/\/|\.{0,2}(?:\/[a-z_-]*){1,8}$|#)/i.test(text)
  return !isWord && !isName && !isPath
}

/** It looks made by chance: no word, number or name. */
function isRandom(value: string, least: number): boolean {
  const text = value.trim()
  if (text.length < least || !/^[\w+/=.~:|-]+$/.test(text)) return false
  return /\d/.test(text) ? /[a-z]/i.test(text) : /[a-z]/.test(text) && /[A-Z]/.test(text)
}

const entities: Readonly<Record<string, string>> = {
  '&quot;': '"',
  '&#34;': '"',
  '&#x22;': '"',
  '&apos;': "'",
  '&#39;': "'",
  '&#x27;': "'",
  '&amp;': '&',
  '&#38;': '&',
  '&#x26;': '&',
}

function unescaped(value: string): string {
  if (!value.includes('&')) return value
  return value.replaceAll(
    /&(?:quot|apos|amp|#(?:x2[267]|3[489]));/gi,
    (text) => entities[text.toLowerCase()] ?? text,
  )
}
