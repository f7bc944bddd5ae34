import { type IncomingHttpHeaders, connect, constants, createSecureServer } from 'node:http2'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { onTestFinished } from 'vitest'
import { certificate } from './certificate.ts'

export type Listener = (request: IncomingMessage, response: ServerResponse) => unknown

export interface Http2Response {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly interim: readonly number[]
  readonly trailers: IncomingHttpHeaders
  readonly body: Buffer
  /** The stream was closed without an error. */
  readonly isComplete: boolean
}

export interface Http2Site {
  readonly port: number
  send(headers?: Record<string, string>, body?: string): Promise<Http2Response>
  /** Asks, and resets the stream when this much has come. */
  leave(after: string): Promise<void>
}

const pair = certificate()

/** Serves over TLS, to HTTP/2 and HTTP/1.1 clients alike, until the test ends. */
export async function serveHttp2(listener: Listener): Promise<Http2Site> {
  const server = createSecureServer({ ...pair, allowHTTP1: true })
  server.on('request', (request, response) => {
    // The compatibility API has the shape of node:http.
    void listener(request as never, response as never)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const session = connect(`https://127.0.0.1:${port}`, { rejectUnauthorized: false })
  session.on('error', () => undefined)
  onTestFinished(async () => {
    session.destroy()
    await new Promise((resolve) => server.close(resolve))
  })

  function send(given: Record<string, string> = {}, body?: string): Promise<Http2Response> {
    return new Promise((resolve) => {
      const asked = { ':path': '/', ':authority': 'test.example', ...given }
      const stream = session.request(asked, { endStream: body === undefined })
      if (body !== undefined) stream.end(body)
      const chunks: Buffer[] = []
      const interim: number[] = []
      let head: IncomingHttpHeaders & { ':status'?: number | undefined } = {}
      let trailers: IncomingHttpHeaders = {}
      stream.on('headers', (each) => interim.push(Number(each[':status'])))
      stream.on('response', (each) => {
        head = each
      })
      stream.on('trailers', (each) => {
        trailers = each
      })
      stream.on('data', (chunk: Buffer) => chunks.push(chunk))
      stream.on('error', () => undefined)
      stream.on('close', () => {
        const { ':status': status = 0, ...headers } = head
        const body = Buffer.concat(chunks)
        const isComplete = stream.rstCode === 0
        resolve({ status, headers, interim, trailers, body, isComplete })
      })
    })
  }
  function leave(after: string): Promise<void> {
    return new Promise((resolve) => {
      const stream = session.request({ ':path': '/', ':authority': 'test.example' })
      let text = ''
      stream.on('data', (chunk: Buffer) => {
        text += String(chunk)
        if (text.includes(after)) stream.close(constants.NGHTTP2_CANCEL)
      })
      stream.on('error', () => undefined)
      stream.on('close', () => resolve())
    })
  }
  return { port, send, leave }
}
