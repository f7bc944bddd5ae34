import { Agent, request as http } from 'node:http'
import { Agent as SecureAgent, request as https } from 'node:https'
import type { FetchResult } from './run.ts'
import type { WarmResult } from '../request/warm-request.ts'

/** Connections stay open from one page to the next, and are no reason to keep the process alive. */
const agent = new Agent({ keepAlive: true })
const secureAgent = new SecureAgent({ keepAlive: true })

/** One request over the network; what came of it, the Cache-Status of the answer tells (RFC 9211). */
export function fetchPage(
  origin: string,
  target: string,
  headers: Readonly<Record<string, string>>,
  timeout: number,
): Promise<FetchResult> {
  const isSecure = origin.startsWith('https:')
  return new Promise((resolve, reject) => {
    const request = (isSecure ? https : http)(origin + target, {
      headers,
      agent: isSecure ? secureAgent : agent,
    })
    const timer = setTimeout(
      () => request.destroy(new Error(`no answer within ${timeout} ms`)),
      timeout,
    )
    request.once('error', (error) => {
      clearTimeout(timer)
      reject(error)
    })
    request.once('response', (response) => {
      let bytes = 0
      response.on('data', (chunk: Buffer) => (bytes += chunk.byteLength))
      response.once('error', (error) => {
        clearTimeout(timer)
        reject(error)
      })
      response.once('end', () => {
        clearTimeout(timer)
        const status = response.statusCode
        resolve({ status, end: endOf(response.headers['cache-status'], bytes) })
      })
    })
    request.end()
  })
}

/** Several caches add to one field; ours is the nearest to the origin that calls itself so. */
function endOf(field: string | string[] | undefined, bytes: number): WarmResult {
  const text = Array.isArray(field) ? field.join(',') : (field ?? '')
  const own = text.split(',').find((member) => /^\s*cacheflow\b/.test(member)) ?? text
  if (/;\s*hit\b/.test(own)) return { kind: 'fresh' }
  if (/;\s*stored\b/.test(own)) return { kind: 'made', bytes }
  const reason = text === '' ? 'no Cache-Status' : 'not stored'
  return { kind: 'refused', reason, detail: own.trim() }
}
