import { once } from 'node:events'
import { type Socket, connect } from 'node:net'
import { connect as connectTls } from 'node:tls'

/** One header line as it came over the wire, its name as written. */
export type Line = readonly [name: string, value: string]

export interface Head {
  readonly status: number
  readonly reason: string
  readonly version: string
  readonly lines: readonly Line[]
}

/** A response as its bytes say it. */
export interface WireResponse extends Head {
  /** 1xx responses before the final one. */
  readonly interim: readonly Head[]
  /** The body with the chunked coding taken off; Content-Encoding stays. */
  readonly body: Buffer
  readonly text: string
  readonly trailers: readonly Line[]
  /** The body is as long as the head declared, or its last chunk came. */
  readonly isComplete: boolean
  /** The first value of a field. */
  get(name: string): string | undefined
  all(name: string): string[]
}

export interface WireRequest {
  readonly method?: string
  readonly path?: string
  readonly headers?: Readonly<Record<string, string | readonly string[]>>
  readonly body?: string
  readonly version?: '1.0' | '1.1'
  /** Talk TLS and trust any certificate. */
  readonly tls?: boolean
}

/** Sends one request over a connection of its own and reads until the server closes it. */
export async function send(port: number, request: WireRequest = {}): Promise<WireResponse> {
  const wire = new Wire(port, request)
  await wire.closed()
  return parse(wire.bytes, request.method ?? 'GET')
}

/** A connection whose bytes can be looked at as they come. */
export class Wire {
  readonly #socket: Socket
  readonly #chunks: Buffer[] = []
  readonly #closed: Promise<void>
  #onData: () => void = () => undefined

  constructor(port: number, request: WireRequest = {}) {
    const target = { port, host: '127.0.0.1' }
    this.#socket =
      request.tls === true
        ? connectTls({ ...target, rejectUnauthorized: false, ALPNProtocols: ['http/1.1'] })
        : connect(target)
    this.#closed = new Promise((resolve) => this.#socket.once('close', () => resolve()))
    this.#socket.on('error', () => undefined)
    this.#socket.on('data', (chunk: Buffer) => {
      this.#chunks.push(chunk)
      this.#onData()
    })
    this.#socket.write(written(request))
  }

  get bytes(): Buffer {
    return Buffer.concat(this.#chunks)
  }

  get text(): string {
    return this.bytes.toString('latin1')
  }

  /** Waits until this text has come. */
  async until(text: string): Promise<void> {
    while (!this.text.includes(text)) {
      await new Promise<void>((resolve, reject) => {
        this.#onData = resolve
        void this.#closed.then(() => reject(new Error(`closed before '${text}': ${this.text}`)))
      })
    }
  }

  closed(): Promise<void> {
    return this.#closed
  }

  pause(): void {
    this.#socket.pause()
  }

  resume(): void {
    this.#socket.resume()
  }

  /** Leaves in the middle, as a client does. */
  async abort(): Promise<void> {
    this.#socket.destroy()
    await this.#closed
  }

  async connected(): Promise<void> {
    if (this.#socket.connecting) await once(this.#socket, 'connect')
  }
}

function written(request: WireRequest): string {
  const { method = 'GET', path = '/', headers = {}, body = '', version = '1.1' } = request
  const lines = [`${method} ${path} HTTP/${version}`, 'Host: test.example', 'Connection: close']
  for (const [name, value] of Object.entries(headers)) {
    for (const line of [value].flat()) lines.push(`${name}: ${line}`)
  }
  if (body !== '') lines.push(`Content-Length: ${Buffer.byteLength(body)}`)
  return `${lines.join('\r\n')}\r\n\r\n${body}`
}

/** Reads the bytes of one exchange; a connection that closed without an answer has the status 0. */
export function parse(bytes: Buffer, method: string): WireResponse {
  const interim: Head[] = []
  let rest = bytes
  for (;;) {
    const end = rest.indexOf('\r\n\r\n')
    if (rest.length === 0) return nothing(interim)
    if (end < 0) throw new Error(`no head in ${JSON.stringify(rest.toString('latin1'))}`)
    const head = headOf(rest.subarray(0, end).toString('latin1'))
    rest = rest.subarray(end + 4)
    if (head.status < 200) {
      interim.push(head)
      continue
    }
    const all = (name: string): string[] =>
      head.lines.filter(([n]) => n.toLowerCase() === name.toLowerCase()).map(([, value]) => value)
    const { body, trailers, isComplete } = bodyOf(rest, head, method, all)
    const get = (name: string): string | undefined => all(name)[0]
    const text = body.toString('utf8')
    return { ...head, interim, body, text, trailers, isComplete, get, all }
  }
}

function nothing(interim: readonly Head[]): WireResponse {
  return {
    ...{ status: 0, reason: '', version: '', lines: [], interim, body: Buffer.alloc(0) },
    ...{ text: '', trailers: [], isComplete: false, get: () => undefined, all: () => [] },
  }
}

function headOf(text: string): Head {
  const [statusLine = '', ...rest] = text.split('\r\n')
  const match = /^HTTP\/(\d\.\d) (\d{3}) ?(.*)$/.exec(statusLine)
  if (!match) throw new Error(`no status line: ${statusLine}`)
  return {
    version: match[1] ?? '',
    status: Number(match[2]),
    reason: match[3] ?? '',
    lines: rest.map(lineOf),
  }
}

function lineOf(text: string): Line {
  const colon = text.indexOf(': ')
  return [text.slice(0, colon), text.slice(colon + 2)]
}

function bodyOf(
  rest: Buffer,
  head: Head,
  method: string,
  all: (name: string) => string[],
): Pick<WireResponse, 'body' | 'trailers' | 'isComplete'> {
  const isBodiless = method === 'HEAD' || head.status === 204 || head.status === 304
  if (isBodiless) return { body: rest, trailers: [], isComplete: rest.byteLength === 0 }
  if (all('transfer-encoding').includes('chunked')) return dechunked(rest)
  const length = all('content-length')[0]
  const isComplete = length === undefined || Number(length) === rest.byteLength
  return { body: rest, trailers: [], isComplete }
}

function dechunked(coded: Buffer): Pick<WireResponse, 'body' | 'trailers' | 'isComplete'> {
  const chunks: Buffer[] = []
  let at = 0
  for (;;) {
    const end = coded.indexOf('\r\n', at)
    const size = Number.parseInt(coded.subarray(at, end < 0 ? at : end).toString('latin1'), 16)
    if (Number.isNaN(size)) return { body: Buffer.concat(chunks), trailers: [], isComplete: false }
    if (size === 0) {
      const body = Buffer.concat(chunks)
      const lines = coded
        .subarray(end + 2)
        .toString('latin1')
        .split('\r\n')
      const trailers = lines.filter((line) => line !== '').map(lineOf)
      return { body, trailers, isComplete: coded.subarray(-4).toString() === '\r\n\r\n' }
    }
    chunks.push(coded.subarray(end + 2, end + 2 + size))
    at = end + 2 + size + 2
  }
}
