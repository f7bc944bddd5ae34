import { type IncomingMessage, STATUS_CODES, ServerResponse } from 'node:http'
import { isHttp1 } from '../tracking/observer.ts'

/** A head as writeHead was called with it; its status and fields stand on the response by now. */
interface TakenHead {
  readonly reason: string | undefined
  /** All fields of the head came with writeHead. */
  readonly isAlone: boolean
}

/** Sets what writeHead was given, in Node's order: status and reason stand, even where a field is refused. */
export function takeHead(
  request: IncomingMessage,
  response: ServerResponse,
  status: number,
  rest: readonly unknown[],
  hasOuterLayers: boolean,
): TakenHead {
  const speaksHttp1 = isHttp1(request)
  const isAlone = !hasOuterLayers && response.getHeaderNames().length === 0
  const { reason, fields } = parseWriteHead(rest, isAlone || !speaksHttp1)
  response.statusCode = status
  if (speaksHttp1 && reason !== undefined) response.statusMessage = reason
  try {
    for (const [name, value] of fields) response.setHeader(name, value)
  } catch (error) {
    if (speaksHttp1 && reason === undefined) {
      response.statusMessage ||= STATUS_CODES[status] ?? 'unknown'
    }
    if (isAlone) dropFields(response)
    throw error
  }
  return { reason, isAlone }
}

/** Node forgets the fields of a refused head where none was set before. */
export function dropFields(response: ServerResponse): void {
  for (const name of response.getHeaderNames()) response.removeHeader(name)
}

/** Values as `setHeader` takes them; what it refuses, it shall refuse itself. */
type GivenField = readonly [name: string, value: string | string[]]

/**
 * What `writeHead(status, reason?, headers?)` was called with, in all its forms.
 *
 * @param keepsLines a name that stands several times in a list has several lines
 */
function parseWriteHead(
  rest: readonly unknown[],
  keepsLines: boolean,
): {
  readonly reason: string | undefined
  readonly fields: readonly GivenField[]
} {
  const reason = typeof rest[0] === 'string' ? rest[0] : undefined
  const headers = rest[1] ?? (reason === undefined ? rest[0] : undefined)
  if (typeof headers !== 'object' || headers === null) return { reason, fields: [] }
  if (!Array.isArray(headers)) return { reason, fields: Object.entries(headers) as GivenField[] }
  const keeps = keepsLines || appendsLines()
  // Pairs in a list of their own are for those who set nothing before: with other fields Node refuses them, by their name.
  const pairs: GivenField[] =
    Array.isArray(headers[0]) && keeps
      ? (headers as GivenField[])
      : headers.flatMap((name, i) => (i % 2 === 0 ? [[name, headers[i + 1]]] : []))
  return { reason, fields: keeps ? grouped(pairs) : pairs }
}

let appends: boolean | undefined

/** Where other fields were set before, older versions of Node keep the last line of a name, newer ones keep all. */
function appendsLines(): boolean {
  if (appends === undefined) {
    const probe = new ServerResponse({ method: 'GET' } as IncomingMessage)
    probe.setHeader('a', '0')
    probe.writeHead(200, ['b', '1', 'b', '2'])
    appends = Array.isArray(probe.getHeader('b'))
  }
  return appends
}

function grouped(pairs: readonly GivenField[]): GivenField[] {
  const lines = new Map<string, [string, string[]]>()
  for (const [name, value] of pairs) {
    const entry = lines.get(name.toLowerCase()) ?? [name, []]
    lines.set(name.toLowerCase(), entry)
    entry[1].push(...(Array.isArray(value) ? value : [value]))
  }
  return [...lines.values()].map(([name, values]) => [
    name,
    values.length === 1 ? (values[0] ?? '') : values,
  ])
}
