import { promisify } from 'node:util'
import * as zlib from 'node:zlib'
import { type HeaderFields, fieldValue } from '../http/header-fields.ts'

/** A content coding (RFC 9110 §8.4.1) for bodies at rest; what clients get has the coding that the application gave it. */
export type BodyCoding = 'identity' | 'gzip' | 'br' | 'zstd'

/** By their number in an entry: new ones come at the end. */
export const BODY_CODINGS: readonly BodyCoding[] = ['identity', 'gzip', 'br', 'zstd']

interface Bounds {
  /** The output is never larger, in bytes. */
  readonly maxOutputLength: number
  /** The output comes in pieces of so many bytes. */
  readonly chunkSize: number
}

interface Coder {
  compress(bytes: Buffer): Promise<Buffer>
  decompress(bytes: Buffer, bounds: Bounds): Promise<Buffer>
  decompressSync(bytes: Buffer, bounds: Bounds): Buffer
}

type Callback = (error: Error | null, result: Buffer) => void

/** What Node has from 22.15 and 23.8 on. */
interface ZstdLibrary {
  readonly zstdCompress: (bytes: Buffer, callback: Callback) => void
  readonly zstdDecompress: (bytes: Buffer, bounds: Bounds, callback: Callback) => void
  readonly zstdDecompressSync: (bytes: Buffer, bounds: Bounds) => Buffer
}

/** Of Brotli's levels the highest is the default, a hundred times slower than this one and a tenth smaller. */
const brotliLevel = 4

const gzip = promisify<Buffer, Buffer>(zlib.gzip)
const brotliCompress = promisify<Buffer, zlib.BrotliOptions, Buffer>(zlib.brotliCompress)

const coders: ReadonlyMap<BodyCoding, Coder> = new Map<BodyCoding, Coder>([
  [
    'gzip',
    {
      compress: gzip,
      decompress: promisify<Buffer, Bounds, Buffer>(zlib.gunzip),
      decompressSync: zlib.gunzipSync,
    },
  ],
  [
    'br',
    {
      compress: (bytes) =>
        brotliCompress(bytes, {
          params: {
            [zlib.constants.BROTLI_PARAM_QUALITY]: brotliLevel,
            [zlib.constants.BROTLI_PARAM_SIZE_HINT]: bytes.length,
          },
        }),
      decompress: promisify<Buffer, Bounds, Buffer>(zlib.brotliDecompress),
      decompressSync: zlib.brotliDecompressSync,
    },
  ],
  ...zstdOf(zlib),
])

function zstdOf(library: object): [BodyCoding, Coder][] {
  if (!hasZstd(library)) return []
  const coder: Coder = {
    compress: promisify(library.zstdCompress),
    decompress: promisify(library.zstdDecompress),
    decompressSync: library.zstdDecompressSync,
  }
  return [['zstd', coder]]
}

function hasZstd(library: object): library is ZstdLibrary {
  return ['zstdCompress', 'zstdDecompress', 'zstdDecompressSync'].every((name) => name in library)
}

/** Can this Node compress and decompress it? It has zstd from 22.15 and 23.8 on, the others always. */
export function supportsCoding(coding: BodyCoding): boolean {
  return coding === 'identity' || coders.has(coding)
}

/** Smaller bodies gain less than they cost, in bytes. */
const smallest = 1_024
/** At least a tenth has to be gained. */
const worthwhile = 0.9
/** Until this size it takes less time to decompress than to have it done by another thread, in bytes. */
const largestAtOnce = 65_536

const compressedTypes =
  /^(?:image\/(?!svg\+xml|bmp|x-ms-bmp)|video\/|audio\/|font\/woff|application\/(?:font-woff|zip|gzip|x-gzip|x-bzip|x-7z|x-rar|vnd\.rar|x-xz|zstd|pdf|epub\+zip|java-archive|vnd\.openxmlformats|vnd\.oasis))/i

/** Is there hope that it becomes smaller? Not of what is compressed already. */
export function isCompressible(body: Buffer, fields: HeaderFields): boolean {
  if (body.length < smallest) return false
  const coding = fieldValue(fields, 'content-encoding')
  if (coding !== undefined && coding.trim().toLowerCase() !== 'identity') return false
  return !compressedTypes.test(fieldValue(fields, 'content-type')?.trim() ?? '')
}

/** @returns undefined where nothing is gained, or this Node has not got the coding. */
export async function compressed(body: Buffer, coding: BodyCoding): Promise<Buffer | undefined> {
  try {
    const bytes = await coders.get(coding)?.compress(body)
    return bytes !== undefined && bytes.length <= body.length * worthwhile ? bytes : undefined
  } catch {
    // Out of memory, say: the body rests as it is.
    return undefined
  }
}

/**
 * The body in memory of its own size, at once or off the event loop.
 *
 * @param length of the body, which the output never exceeds, however small the input
 * @returns undefined when it is none, is not of this length, or when this Node has not got the coding
 */
export function decompressed(
  bytes: Buffer,
  coding: BodyCoding,
  length: number,
): Buffer | undefined | Promise<Buffer | undefined> {
  const coder = coders.get(coding)
  if (coder === undefined) return undefined
  // One piece, with a byte to spare so that zlib does not make room for another.
  const bounds = {
    maxOutputLength: length,
    chunkSize: Math.max(length + 1, zlib.constants.Z_MIN_CHUNK),
  }
  if (length > largestAtOnce) {
    return coder.decompress(bytes, bounds).then(
      (body) => ownBody(body, length),
      () => undefined,
    )
  }
  try {
    return ownBody(coder.decompressSync(bytes, bounds), length)
  } catch {
    return undefined
  }
}

function ownBody(body: Buffer, length: number): Buffer | undefined {
  return body.length === length ? inOwnMemory(body) : undefined
}

/** As it is, or a copy where it is a part of something larger, which would stay in memory with it. */
export function inOwnMemory(body: Buffer): Buffer {
  return body.buffer.byteLength <= body.length + 1 ? body : copied(body)
}

/** The same bytes in memory of their own size. */
export function copied(bytes: Buffer): Buffer {
  const copy = Buffer.allocUnsafeSlow(bytes.length)
  bytes.copy(copy)
  return copy
}
