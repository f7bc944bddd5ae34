import { expect, it } from 'vitest'
import type { UncacheableReason } from '../../src/events/reasons.ts'
import { Warnings } from '../../src/response/warnings.ts'

it('a warning names the route, the reason with its detail, and what to do', () => {
  const told = new Warnings().messageOnce('/posts/:id', 'set-cookie', 'sid')
  expect(told?.route).toBe('/posts/:id')
  expect(told?.message).toMatch(
    /^\/posts\/:id is not cached \(set-cookie: sid\)\. It sets a cookie.+\.$/,
  )
  const without = new Warnings().messageOnce('/', 'vary-any', undefined)
  expect(without?.message).toMatch(/^\/ is not cached \(vary-any\)\. /)
})

it('a route is warned of once for each reason', () => {
  const warnings = new Warnings()
  expect(warnings.messageOnce('/a', 'set-cookie', 'x')).toBeDefined()
  expect(warnings.messageOnce('/a', 'set-cookie', 'y')).toBeUndefined()
  expect(warnings.messageOnce('/a', 'session-read', undefined)).toBeDefined()
  expect(warnings.messageOnce('/b', 'set-cookie', 'x')).toBeDefined()
})

it.each<UncacheableReason>([
  'set-cookie',
  'session-read',
  'user-read',
  'cookie-read',
  'credentials-read',
  'headers-read',
  'csrf-token',
  'csp-nonce',
  'vary-any',
  'no-validator',
])('%s is mostly an oversight, so it is told', (reason) => {
  expect(new Warnings().messageOnce('/', reason, undefined)?.message.length).toBeGreaterThan(40)
})

it.each<UncacheableReason>([
  'no-store',
  'private',
  'draft',
  'status',
  'off',
  'invalidated',
  'too-large',
])('%s is the plain will of the application or of the moment, so it is not', (reason) => {
  expect(new Warnings().messageOnce('/', reason, undefined)).toBeUndefined()
})

it('many different paths do not make warnings without end (S-27)', () => {
  const warnings = new Warnings()
  let told = 0
  for (let i = 0; i < 20_000; i++) if (warnings.messageOnce(`/${i}`, 'set-cookie', 'x')) told++
  expect(told).toBe(1_000)
})
