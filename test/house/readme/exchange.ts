import { request } from 'node:http'

/** One request and the answer to expect, as an `http` block writes them. */
export interface Exchange {
  readonly method: string
  readonly target: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  readonly expected: Answer
}

export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

const requestLine = /^(GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS) (\/\S*)(?: HTTP\/1\.1)?$/
const statusLine = /^HTTP\/1\.1 (\d{3})(?: .*)?$/

/** Reads requests and answers in turn; a message is a first line, header lines, an empty line, a body. */
export function exchanges(text: string): Exchange[] {
  const messages: string[][] = []
  for (const line of text.split('\n')) {
    if (requestLine.test(line) || statusLine.test(line)) messages.push([])
    const open = messages.at(-1)
    if (open) open.push(line)
    else if (line.trim() !== '') throw new Error(`expected a request line, not: ${line}`)
  }
  const found: Exchange[] = []
  for (let index = 0; index < messages.length; index += 2) {
    const [asked, answered] = [messages[index] ?? [], messages[index + 1] ?? []]
    const [, method, target] = requestLine.exec(asked[0] ?? '') ?? []
    const [, status] = statusLine.exec(answered[0] ?? '') ?? []
    if (method === undefined || target === undefined || status === undefined) {
      throw new Error(`expected a request and its answer: ${asked[0]} ... ${answered[0]}`)
    }
    found.push({
      method,
      target,
      ...message(asked),
      expected: { status: Number(status), ...message(answered) },
    })
  }
  return found
}

function message(lines: readonly string[]): { headers: Record<string, string>; body: string } {
  const empty = lines.indexOf('')
  const head = lines.slice(1, empty === -1 ? undefined : empty)
  const headers: Record<string, string> = {}
  for (const line of head) {
    const colon = line.indexOf(':')
    if (colon < 1) throw new Error(`expected a header line, not: ${line}`)
    headers[line.slice(0, colon).toLowerCase()] = line.slice(colon + 1).trim()
  }
  return { headers, body: empty === -1 ? '' : lines.slice(empty).join('\n').trim() }
}

/** Sends the request as it stands, without following anything. */
export async function send(
  port: number,
  { method, target, headers, body }: Exchange,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request({ port, method, path: target, headers, agent: false }, (response) => {
      let text = ''
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
      response.on('error', reject).on('end', () => {
        const lines = Object.entries(response.headers).map(([name, value]) => [name, String(value)])
        resolve({
          status: response.statusCode ?? 0,
          headers: Object.fromEntries(lines),
          body: text.trim(),
        })
      })
    })
    sent.on('error', reject).end(body)
  })
}

/**
 * The part of the answer that the block speaks of, in the block's words where they fit (`…` stands for any
 * text): equal to `expected` exactly when the answer is as written.
 */
export function seen(expected: Answer, answer: Answer): Answer {
  const names = Object.keys(expected.headers)
  return {
    status: answer.status,
    headers: Object.fromEntries(
      names.map((name) => [
        name,
        inWordsOf(expected.headers[name] ?? '', answer.headers[name] ?? '(absent)'),
      ]),
    ),
    body: expected.body === '' ? '' : inWordsOf(expected.body, answer.body),
  }
}

function inWordsOf(pattern: string, value: string): string {
  const parts = pattern.split('…').map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&'))
  return new RegExp(`^${parts.join('[^]*')}$`).test(value) ? pattern : value
}
