import { fail } from '../events/errors.ts'
import { percentEncoded, serializeString } from './structured-field.ts'

/**
 * How one kind of CDN is told the tags of a response, so that it can be purged by them.
 *
 * All encoders keep printable ASCII as it is, apart from what separates or is forbidden there, and
 * write the rest, `%` included, as percent-encoded UTF-8. So no tag can add another one, end its field
 * or add a line, and two tags are never written alike, except on purpose where the CDN itself cannot
 * tell upper from lower case ({@link cloudflare}, {@link cloudfront}). To purge a tag, ask for the
 * value of `encode([tag])`.
 */
export interface Surrogate {
  readonly name: string
  /** The response field that carries the tags. */
  readonly header: string
  encode(tags: readonly string[]): EncodedTags
}

export interface EncodedTags {
  /** The value of the field; '' when there are no tags, and the field is not to be sent. */
  readonly value: string
  /** The tags that are not in the value: too long, too many, empty, or no well-formed Unicode. */
  readonly dropped: readonly string[]
  /**
   * Whether the coarse tag is in the value because others were dropped. Whoever purges one of these must
   * purge the coarse tag as well, or the response stays.
   */
  readonly fallback: boolean
}

export interface SurrogateOptions {
  /** The coarse tag that replaces dropped ones. Default `'cacheflow'`. */
  readonly fallback?: string
}

/**
 * Fastly, `Surrogate-Key: posts post:1`. Separated by spaces, case-sensitive; at most 1,024 bytes a
 * key and 16,384 bytes a field.
 *
 * @throws CacheflowError `ERR_CACHEFLOW_TAG` when the fallback tag itself cannot be encoded
 */
export function fastly(options: SurrogateOptions = {}): Surrogate {
  return surrogate(options, {
    name: 'fastly',
    header: 'Surrogate-Key',
    separator: ' ',
    forbidden: ' ,"',
    maxTagLength: 1_024,
    maxFieldLength: 16_384,
  })
}

/**
 * Cloudflare, `Cache-Tag: posts,post:1`. Separated by commas; at most 1,024 bytes a tag and 16 KiB a
 * field. Cloudflare takes upper and lower case for the same, so tags are written in lower case, and
 * tags that differ in nothing else become one: purging either purges what has the other.
 *
 * @throws CacheflowError `ERR_CACHEFLOW_TAG` when the fallback tag itself cannot be encoded
 */
export function cloudflare(options: SurrogateOptions = {}): Surrogate {
  return surrogate(options, {
    name: 'cloudflare',
    header: 'Cache-Tag',
    separator: ',',
    forbidden: ' ,"',
    foldsCase: true,
    maxTagLength: 1_024,
    maxFieldLength: 16_384,
  })
}

/**
 * CloudFront, `Cache-Tag: posts,post:1`. Separated by commas; at most 50 tags of 256 characters.
 * Folds case as {@link cloudflare} does. An invalidation item is `#` and the encoded tag.
 *
 * @param options `header`: the name that the distribution's CacheTagConfig has; default `Cache-Tag`
 * @throws CacheflowError `ERR_CACHEFLOW_TAG` when the fallback tag itself cannot be encoded
 */
export function cloudfront(
  options: SurrogateOptions & { readonly header?: string } = {},
): Surrogate {
  return surrogate(options, {
    name: 'cloudfront',
    header: options.header ?? 'Cache-Tag',
    separator: ',',
    forbidden: ' ,"*',
    foldsCase: true,
    maxTagLength: 256,
    maxTags: 50,
    maxFieldLength: 16_384,
  })
}

/**
 * Akamai, `Edge-Cache-Tag: posts,post%3A1`. Separated by commas, one field only; at most 128 tags of
 * 128 characters, and 8,192 bytes, which is all that Akamai reads of a response's fields by default.
 * Its forbidden characters, the colon among them, are percent-encoded.
 *
 * @throws CacheflowError `ERR_CACHEFLOW_TAG` when the fallback tag itself cannot be encoded
 */
export function akamai(options: SurrogateOptions = {}): Surrogate {
  return surrogate(options, {
    name: 'akamai',
    header: 'Edge-Cache-Tag',
    separator: ',',
    forbidden: ' :/@=,;()[]{}<>?*"\\',
    maxTagLength: 128,
    maxTags: 128,
    maxFieldLength: 8_192,
  })
}

/**
 * Bunny, `CDN-Tag: posts,post:1`. Separated by commas. Its limits are not published: 8,192 bytes a
 * field, which every server on the way accepts, are kept to.
 *
 * @throws CacheflowError `ERR_CACHEFLOW_TAG` when the fallback tag itself cannot be encoded
 */
export function bunny(options: SurrogateOptions = {}): Surrogate {
  return surrogate(options, {
    name: 'bunny',
    header: 'CDN-Tag',
    separator: ',',
    forbidden: ' ,"',
    maxFieldLength: 8_192,
  })
}

/**
 * Varnish with vmod_xkey, `xkey: posts post:1`. Separated by spaces (or commas, which are therefore
 * encoded), case-sensitive; 8,192 bytes a field, Varnish's default for `http_resp_hdr_len`.
 *
 * @throws CacheflowError `ERR_CACHEFLOW_TAG` when the fallback tag itself cannot be encoded
 */
export function xkey(options: SurrogateOptions = {}): Surrogate {
  return surrogate(options, {
    name: 'xkey',
    header: 'xkey',
    separator: ' ',
    forbidden: ' ,"',
    maxFieldLength: 8_192,
  })
}

/**
 * HTTP Cache Groups (RFC 9875), `Cache-Groups: "posts", "post:1"`: a List of Strings, case-sensitive.
 * Spaces, commas and quotes stay in the String; 8,192 bytes a field.
 *
 * @param options `maxTags`, `maxTagLength`: every recipient takes 32 groups of 32 characters, most take
 * more, and by default neither is limited; give both for one that does not
 * @throws CacheflowError `ERR_CACHEFLOW_TAG` when the fallback tag itself cannot be encoded
 */
export function cacheGroups(
  options: SurrogateOptions & { readonly maxTags?: number; readonly maxTagLength?: number } = {},
): Surrogate {
  return surrogate(options, {
    name: 'cacheGroups',
    header: 'Cache-Groups',
    separator: ', ',
    forbidden: '',
    isString: true,
    maxTagLength: options.maxTagLength ?? Infinity,
    maxTags: options.maxTags ?? Infinity,
    maxFieldLength: 8_192,
  })
}

/** What a CDN's field looks like. Lengths are in bytes; `maxFieldLength` counts the name, too. */
interface TagFormat {
  readonly name: string
  readonly header: string
  readonly separator: string
  /** Printable characters that a tag may not contain. */
  readonly forbidden: string
  readonly foldsCase?: boolean
  readonly isString?: boolean
  readonly maxTagLength?: number
  readonly maxTags?: number
  readonly maxFieldLength: number
}

function surrogate(options: SurrogateOptions, format: TagFormat): Surrogate {
  const { name, header } = format
  const given = options.fallback ?? 'cacheflow'
  const coarse = encodeTag(given, format)
  const room = format.maxFieldLength - header.length - ': '.length
  if (coarse === undefined || coarse.length > room) {
    throw fail('ERR_CACHEFLOW_TAG', given, `${name}({ fallback })`)
  }

  return {
    name,
    header,
    encode(tags) {
      const whole = fill(tags, format, room)
      if (whole.dropped.length === 0) return { ...whole, fallback: false }
      return { ...fill(tags, format, room, coarse), fallback: true }
    },
  }
}

/** As many of the tags as fit beside the first one, in their order, each written once. */
function fill(
  tags: readonly string[],
  format: TagFormat,
  room: number,
  first?: string,
): { value: string; dropped: string[] } {
  const { separator, maxTags = Infinity } = format
  const written = new Set(first === undefined ? [] : [first])
  const dropped: string[] = []
  let length = first?.length ?? -separator.length
  for (const tag of tags) {
    const encoded = encodeTag(tag, format)
    if (encoded !== undefined && written.has(encoded)) continue
    const longer = length + separator.length + (encoded?.length ?? 0)
    if (encoded === undefined || written.size >= maxTags || longer > room) {
      dropped.push(tag)
    } else {
      written.add(encoded)
      length = longer
    }
  }
  return { value: [...written].join(separator), dropped }
}

/** The tag as it is written, or undefined when this CDN cannot have it. */
function encodeTag(tag: string, format: TagFormat): string | undefined {
  // Lone surrogates have no UTF-8, and would all become the same replacement character.
  if (tag === '' || /\p{Surrogate}/u.test(tag)) return undefined
  const space = format.isString === true ? ' ' : ''
  let encoded = ''
  for (const char of tag) {
    const plain = (char > ' ' && char <= '~' && char !== '%') || char === space
    encoded += plain && !format.forbidden.includes(char) ? char : percentEncoded(char)
  }
  if (format.foldsCase === true) encoded = encoded.toLowerCase()
  if (encoded.length > (format.maxTagLength ?? Infinity)) return undefined
  return format.isString === true ? serializeString(encoded) : encoded
}
