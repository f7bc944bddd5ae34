import { createHmac } from 'node:crypto'
import fc from 'fast-check'
import { secret } from './ways.ts'

/** The header fields of one visitor, and `from`, the address that the connection comes from. */
export type Visitor = Readonly<Record<string, string>>

/** A signed-in visitor's cookies, for every kind of session that a site may have. */
function cookiesOf(user: string): string {
  const sid = `${user}-sid`
  const signed = createHmac('sha256', secret).update(sid).digest('base64').replace(/=+$/, '')
  const inCookie = Buffer.from(JSON.stringify({ user })).toString('base64')
  const signature = createHmac('sha1', secret)
    .update(`session=${inCookie}`)
    .digest('base64')
    .replaceAll('/', '_')
    .replaceAll('+', '-')
    .replace(/=+$/, '')
  return [
    `connect.sid=${encodeURIComponent(`s:${sid}.${signed}`)}`,
    `session=${inCookie}`,
    `session.sig=${signature}`,
    `koa.sess=${inCookie}`,
    `koa.sid=${sid}`,
  ].join('; ')
}

const traits: readonly (readonly [string, string])[] = [
  ['X-Tenant', 'acme'],
  ['X-Tenant', 'umbra'],
  ['X-Tenant', ''],
  ['Host', 'b.shop.example'],
  ['Host', 'evil.example'],
  ['Accept', 'application/json'],
  ['Accept', 'text/html;q=0.1,application/json'],
  ['Accept-Language', 'de'],
  ['Accept-Language', 'en;q=0.5,de'],
  ['Cookie', 'theme=dark'],
  ['Cookie', 'theme=light; _ga=GA1.1'],
  ['Cookie', cookiesOf('alice')],
  ['Cookie', cookiesOf('bob')],
  ['Cookie', `${cookiesOf('alice')}; theme=dark`],
  ['Authorization', 'Bearer alice'],
  ['Authorization', 'Bearer bob'],
  ['X-API-Key', 'key of alice'],
  ['X-API-Key', 'key of bob'],
  ['X-User', 'alice'],
  ['X-User', 'bob'],
  ['X-Requested-With', 'XMLHttpRequest'],
  ['X-Forwarded-Host', 'evil.example'],
  ['X-Forwarded-For', '6.6.6.6'],
  ['X-Forwarded-For', '7.7.7.7, 8.8.8.8'],
  ['X-Forwarded-Proto', 'https'],
  ['X-Request-Id', 'request-of-mallory'],
  ['Traceparent', '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'],
  ['Baggage', 'tenant=umbra'],
  ['Range', 'items=10-19'],
  ['Cache-Control', 'max-age=777'],
  ['Pragma', 'mallory'],
  ['TE', 'trailers'],
  ['If-Range', '"of-mallory"'],
  ['Keep-Alive', 'timeout=77'],
  ['X-Amzn-Trace-Id', 'Root=1-67891233-abcdef012345678912345678'],
  ['User-Agent', 'Mallory/1.0 (compatible; a long one)'],
  ['from', '127.0.0.2'],
]

/** Each is a guest but for a trait or two: who differs in little comes closest to what is another's. */
export const visitors: fc.Arbitrary<Visitor> = fc
  .array(fc.constantFrom(...traits), { maxLength: 2 })
  .map((given) => ({ Host: 'a.shop.example', ...Object.fromEntries(given) }))

export const targets = [
  '/a',
  '/a',
  '/a',
  '/b',
  '/a?q=1',
  '/a?q=2',
  '/a?utm_source=mallory',
] as const
