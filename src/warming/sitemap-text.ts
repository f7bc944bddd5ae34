import type { SaxesParser } from 'saxes'
import { optionalPackage } from '../values/optional-package.ts'

/** No address is longer (sitemaps.org has 2,048 characters). */
const MAX_ADDRESS_LENGTH = 8 * 1024

/** What a sitemap is, as far as it was read. */
export type SitemapKind = 'urlset' | 'sitemapindex' | 'text'

/** Takes a sitemap apart as it comes: XML, or a text with an address in each line. */
export interface SitemapText {
  /** Undefined until it is known, and where it is none. */
  readonly kind: SitemapKind | undefined
  /** The first thing in it that is no XML, or no address. */
  readonly fault: string | undefined
  /** @returns the addresses that end in this part */
  write(part: string): string[]
  end(): string[]
}

/** @param start its first part: XML begins with a bracket */
export function sitemapText(start: string): SitemapText {
  return /^\uFEFF?\s*</.test(start) ? new XmlSitemap(parser()) : new TextSitemap()
}

type NewParser = new (options: { readonly position: false }) => SaxesParser

function parser(): SaxesParser {
  let cause: unknown
  try {
    const found = optionalPackage('saxes')
    if (isSaxes(found)) return new found.SaxesParser({ position: false })
  } catch (error) {
    cause = error
  }
  throw new Error('sitemaps in XML take the package saxes: npm install saxes', { cause })
}

function isSaxes(found: unknown): found is { readonly SaxesParser: NewParser } {
  return (
    typeof found === 'object' &&
    found !== null &&
    'SaxesParser' in found &&
    typeof found.SaxesParser === 'function'
  )
}

class XmlSitemap implements SitemapText {
  kind: SitemapKind | undefined
  fault: string | undefined
  readonly #parser: SaxesParser
  readonly #path: string[] = []
  /** What the names of its own elements begin with; those of extensions such as `image:loc` begin otherwise. */
  #prefix = ''
  #address: string | undefined
  #found: string[] = []

  constructor(xml: SaxesParser) {
    this.#parser = xml
    xml.on('error', (error) => {
      // What it may mean is for those who read the address.
      if (!error.message.includes('undefined entity')) this.fault ??= error.message
    })
    xml.on('opentag', ({ name }) => this.#open(name))
    xml.on('closetag', () => this.#close())
    const take = (text: string): void => {
      if (this.#address === undefined) return
      this.#address += text
      if (this.#address.length > MAX_ADDRESS_LENGTH) this.#address = undefined
    }
    xml.on('text', take)
    xml.on('cdata', take)
  }

  write(part: string): string[] {
    this.#parser.write(part)
    return this.#taken()
  }

  end(): string[] {
    this.#parser.close()
    return this.#taken()
  }

  #taken(): string[] {
    const found = this.#found
    this.#found = []
    return found
  }

  #open(name: string): void {
    const [, prefix = '', local] = /^([^:]*:)?(urlset|sitemapindex)$/.exec(name) ?? []
    if (this.#path.length === 0 && (local === 'urlset' || local === 'sitemapindex')) {
      this.kind = local
      this.#prefix = prefix
    }
    this.#path.push(name)
    if (this.#isAddress()) this.#address = ''
  }

  #close(): void {
    if (this.#isAddress() && this.#address !== undefined) {
      const address = this.#address.trim()
      if (address !== '') this.#found.push(address)
    }
    this.#path.pop()
    this.#address = undefined
  }

  #isAddress(): boolean {
    const [, entry, name] = this.#path
    const inside = this.kind === 'urlset' ? 'url' : this.kind === 'sitemapindex' ? 'sitemap' : ''
    return (
      inside !== '' &&
      this.#path.length === 3 &&
      entry === this.#prefix + inside &&
      name === `${this.#prefix}loc`
    )
  }
}

class TextSitemap implements SitemapText {
  kind: SitemapKind | undefined
  fault: string | undefined
  #rest = ''

  write(part: string): string[] {
    const lines = (this.#rest + part).split(/\r\n?|\n/)
    const rest = lines.pop() ?? ''
    this.#rest = rest.length > MAX_ADDRESS_LENGTH ? '' : rest
    return lines.flatMap((line) => this.#line(line))
  }

  end(): string[] {
    return this.#line(this.#rest)
  }

  #line(line: string): string[] {
    const address = line.replace(/^\uFEFF/, '').trim()
    if (address === '') return []
    if (/^https?:\/\//i.test(address) && URL.canParse(address)) {
      this.kind = 'text'
      return [address]
    }
    this.fault ??= `${JSON.stringify(address.slice(0, 80))} is no URL`
    return []
  }
}
