import { isToken } from '../values/token.ts'

/** What belongs to the connection, and what tells where a body ends: whoever sends a request says it itself (RFC 9110 §7.6.1, RFC 9112 §6). */
const framing: ReadonlySet<string> = new Set([
  'connection',
  'content-length',
  'expect',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

/** Whether a field may be added to a request: its name is one, and in its value no other field begins (RFC 9110 §5.5). */
export function isRequestField(name: string, value: unknown): value is string {
  if (!isToken(name) || framing.has(name.toLowerCase()) || typeof value !== 'string') return false
  return /^[\t -~\u0080-\u00FF]*$/.test(value)
}
