import { describe, expect, it } from 'vitest'
import { secretIn } from '../../src/flow/page-secret.ts'

const html = ['Content-Type', 'text/html; charset=utf-8']

function reasonOf(body: string, fields: readonly string[] = html): string | undefined {
  return secretIn(fields, Buffer.from(body))?.reason
}

describe('a page with a token against cross-site request forgery', () => {
  it.each([
    '<input type="hidden" name="_csrf" value="x1">',
    '<input type="hidden" value="x1" name="_csrf">',
    "<input type='hidden' name='csrf' value='x1'/>",
    '<input type=hidden value=x1 name=_csrf>',
    '<input type=hidden name=_token value=x1>',
    '<input name = "_csrf" value="x1">',
    '<input\n  name="csrfmiddlewaretoken"\n  value="x1">',
    '<input name="authenticity_token" value="x1">',
    '<input name="__RequestVerificationToken" value="x1">',
    '<input name="csrfToken" value="x1">',
    '<input name="csrf_token" value="x1">',
    '<input name="xsrf-token" value="x1">',
    '<meta name="csrf-token" content="x1">',
    '<meta content="x1" name="csrf-token">',
    '<META NAME="CSRF-TOKEN" CONTENT="x1">',
    '<meta name="Csrf-Token" content="x1">',
    '<meta name="XSRF-TOKEN" content="x1">',
    '<meta name="X-CSRF-Token" content="x1">',
    '<input name="X-Xsrf-Token" value="x1">',
  ])('%s is for one visitor', (element) => {
    expect(reasonOf(`<html><body><form>${element}</form></body></html>`)).toBe('csrf-token')
  })

  it('is told by the element that has it', () => {
    const secret = secretIn(html, Buffer.from('<meta name="csrf-token" content="x1">'))
    expect(secret?.detail).toContain('name="csrf-token')
  })

  it.each([
    '<p>How CSRF tokens work: read about _csrf and csrf_token</p>',
    '<a href="/csrf">csrf</a>',
    '<input name="color" value="csrf">',
    '<input name="_csrf_help" value="1">',
    '<input name="surname">',
    '',
  ])('%s is none', (body) => {
    expect(reasonOf(body)).toBeUndefined()
  })

  it('is looked for in pages alone, in any spelling of their type', () => {
    const body = '<input name="_csrf" value="x1">'
    expect(reasonOf(body, ['content-type', 'application/xhtml+xml'])).toBe('csrf-token')
    expect(reasonOf(body, ['CONTENT-TYPE', 'Text/HTML'])).toBe('csrf-token')
    expect(reasonOf(body, ['Content-Type', 'text/plain'])).toBeUndefined()
    expect(reasonOf(body, ['Content-Type', 'application/json'])).toBeUndefined()
    expect(reasonOf(body, [])).toBeUndefined()
  })

  it('is found in a large page in a few milliseconds, however hostile the page', () => {
    const pages = [
      'x'.repeat(2_000_000),
      'name='.repeat(300_000) + 'csrf',
      `csrf ${'name=  '.repeat(200_000)}`,
      `csrf ${'name'.padEnd(1_000_000)}`,
      `csrf ${'name \n'.repeat(200_000)}`,
    ]
    for (const page of pages) {
      const start = performance.now()
      expect(reasonOf(page)).toBeUndefined()
      expect(performance.now() - start).toBeLessThan(200)
    }
  })
})

describe('a page with a nonce of its Content-Security-Policy', () => {
  const policy = (value: string, name = 'Content-Security-Policy'): string[] => [
    ...html,
    name,
    value,
  ]

  it.each(['<script nonce="abc123=">', "<script nonce='abc123='>", '<script nonce=abc123=>'])(
    '%s is for one response',
    (element) => {
      const fields = policy("script-src 'self' 'nonce-abc123='")
      expect(reasonOf(`<html>${element}</script></html>`, fields)).toBe('csp-nonce')
    },
  )

  it.each([
    '<script nonce="a+b/cDe9==">',
    '<script nonce="a+b/cDe9">',
    '<script nonce="a+b/cDe9&#x3D;&#x3D;">',
    '<script nonce="a+b/cDe9&#61;&#61;">',
    '<script nonce="a&#43;b/cDe9==">',
    '<script nonce="a&#x2B;b&#x2F;cDe9&#x3D;&#x3d;">',
    '<script nonce="a&#x2b;b&#47;cDe9=&#061;">',
    '<script nonce="a&plus;b&sol;cDe9&equals;&equals;">',
    "<script NONCE='a+b/cDe9=='>",
    '<script nonce = "a+b/cDe9==">',
    '<script nonce=a+b/cDe9==>',
    '<script nonce=a+b/cDe9==>\n',
  ])('is found however a template writes it: %s', (element) => {
    const fields = policy("script-src 'nonce-a+b/cDe9=='")
    expect(reasonOf(`<html>${element}</script></html>`, fields)).toBe('csp-nonce')
  })

  it('is found in a large page in a few milliseconds, however hostile page and policy', () => {
    const nonce = '+/'.repeat(128)
    const fields = policy(`script-src ${`'nonce-${nonce}' `.repeat(20)}`)
    for (const page of [
      'nonce='.repeat(300_000),
      `nonce${' '.repeat(1_000_000)}`,
      `nonce="${'&#43;&#47;'.repeat(100_000)}`,
      `nonce="${'+/'.repeat(127)}" `.repeat(3_000),
    ]) {
      const start = performance.now()
      reasonOf(page, fields)
      expect(performance.now() - start).toBeLessThan(500)
    }
  })

  it('is found by the second nonce, in the second field, and in a policy that only reports', () => {
    const page = '<style nonce="two">'
    expect(reasonOf(page, policy("script-src 'nonce-one'; style-src 'nonce-two'"))).toBe(
      'csp-nonce',
    )
    expect(
      reasonOf(page, [...policy("script-src 'nonce-one'"), ...policy("style-src 'nonce-two'")]),
    ).toBe('csp-nonce')
    const reported = policy("script-src 'nonce-two'", 'content-security-policy-report-only')
    expect(reasonOf(page, reported)).toBe('csp-nonce')
  })

  it('is none when the page does not use it', () => {
    expect(reasonOf('<script nonce="other">', policy("script-src 'nonce-abc'"))).toBeUndefined()
    expect(reasonOf('<p>', policy("script-src 'nonce-abc'"))).toBeUndefined()
    expect(reasonOf('<script nonce="abc">', policy("script-src 'self'"))).toBeUndefined()
  })
})

it('what is compressed is not looked into', () => {
  const fields = [...html, 'Content-Encoding', 'gzip']
  expect(reasonOf('<input name="_csrf" value="x1">', fields)).toBeUndefined()
})
