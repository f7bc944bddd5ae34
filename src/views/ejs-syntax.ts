/** The signs that EJS lets an application choose. */
export interface EjsSigns {
  /** Default `<`. */
  readonly openDelimiter?: string | undefined
  /** Default `%`. */
  readonly delimiter?: string | undefined
  /** Default `>`. */
  readonly closeDelimiter?: string | undefined
  /** Default `locals`. */
  readonly localsName?: string | undefined
}

/**
 * The source of an EJS template, changed so that bodies of fragments may be blocks. No line moves: errors tell the line that
 * the author sees.
 *
 *   <%- cacheFragment('x', () => { %>
 *   <% cacheFragment.block('x', () => { %>
 *
 * EJS sets parentheses around what follows `<%-`, and that cannot end in an open brace.
 */
export class EjsSyntax {
  readonly #open: string
  readonly #close: string
  readonly #locals: string
  readonly #isTight: boolean
  readonly #blocks: RegExp
  readonly #changed: RegExp
  readonly #prelude: RegExp

  /** Options stand before what is set for EJS as a whole. */
  constructor(ejs: EjsSigns, options: EjsSigns & { readonly rmWhitespace?: unknown }) {
    const sign = (name: keyof EjsSigns, byDefault: string): string => {
      const given = options[name] ?? ejs[name]
      return typeof given === 'string' && given !== '' ? given : byDefault
    }
    const delimiter = sign('delimiter', '%')
    this.#open = sign('openDelimiter', '<') + delimiter
    this.#close = delimiter + sign('closeDelimiter', '>')
    this.#isTight = options.rmWhitespace === true
    this.#locals = sign('localsName', 'locals')
    const [open, close] = [literal(this.#open), literal(this.#close)]
    this.#blocks = new RegExp(
      `${open}([-_]?)(\\s*(?:[\\w$]+\\.)*cacheFragments?)(\\((?:(?!${close})[^])*${close})`,
      'g',
    )
    this.#changed = new RegExp(
      `${open}(_?)/\\*(-?)\\*/(\\s*(?:[\\w$]+\\.)*cacheFragments?)\\.block\\(`,
      'g',
    )
    this.#prelude = new RegExp(
      `${open} ${literal(this.#locals)}\\.cacheflowView\\((?:(?!${close})[^\\n])*${close}`,
      'g',
    )
  }

  prepared(source: string, digest: string): string {
    // EJS would do it, if the template began with it.
    const own = this.#isTight ? source.trimStart() : source
    const prelude = `${this.#open} ${this.#locals}.cacheflowView(${this.#locals}, "${digest}", (text) => { const kept = __output; __output = text; return kept }) ${this.#close}`
    return (
      prelude +
      own.replaceAll(this.#blocks, (tag, mode: string, call: string, rest: string) => {
        if (!isOpen(rest)) return tag
        const slurp = mode === '_' ? '_' : ''
        return `${this.#open}${slurp}/*${mode === '-' ? '-' : ''}*/${call}.block${rest}`
      })
    )
  }

  /** A text that shows lines of a prepared source, as the author wrote them. */
  original(text: string): string {
    return text
      .replaceAll(this.#prelude, '')
      .replaceAll(
        this.#changed,
        (_tag, slurp: string, raw: string, call: string) => `${this.#open}${slurp}${raw}${call}(`,
      )
  }
}

const quoted = /'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*"|`(?:\\.|[^`\\])*`/gs

/** Does a call go on behind its tag? Then its body is a block. */
function isOpen(call: string): boolean {
  const code = call.replaceAll(quoted, '')
  return code.split('(').length > code.split(')').length
}

function literal(text: string): string {
  return text.replaceAll(/[.*+\-?^${}()|[\]\\]/g, String.raw`\$&`)
}
