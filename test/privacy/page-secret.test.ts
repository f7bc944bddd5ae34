import { describe, expect, it } from 'vitest'
import { secretIn } from '../../src/privacy/page-secret.ts'

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

  it.each([
    // Other elements, and other ways to name them.
    '<input type="hidden" name="token" value="8f14e45fceea167a5a36dedd4bea2543">',
    '<input type=hidden name=token value=8f14e45fceea167a>',
    '<input name="shop[token]" value="8f14e45fceea167a">',
    '<input name="csrf_test_name" value="x1">',
    '<input name="shop[csrf_token]" value="x1">',
    '<input id="csrf" value="x1">',
    '<button name="_csrf" value="x1">Send</button>',
    '<meta property="csrf-token" content="x1">',
    '<meta http-equiv="X-CSRF-Token" content="x1">',
    '<meta itemprop="csrfToken" content="x1">',
    '<META CONTENT=x1 PROPERTY=XSRF-TOKEN>',
    // Attributes of their own.
    '<body data-csrf-token="x1">',
    '<form data-csrf=x1>',
    '<csrf-field token="x1" csrf="tok-1"></csrf-field>',
    '<div :csrf-token="\'x1\'">',
    '<form action="/upload?_csrf=x1-abc" method="post">',
    '<a href="/logout?now=1&amp;csrf_token=x1-abc">',
    '<div hx-headers=\'{"X-CSRF-Token": "x1"}\'>',
    '<div data-page="{&quot;props&quot;:{&quot;csrf_token&quot;:&quot;x1&quot;}}">',
    '<button onclick="send({ csrfToken: \'x1\' })">',
    // Scripts.
    '<script>window.App={csrfToken:"x1"}</script>',
    '<script>var csrf = "x1"</script>',
    "<script>const csrf_token='x1';</script>",
    '<script>window.__CSRF_TOKEN__ = `x1`</script>',
    '<script>App.user.csrf="x1"</script>',
    `<script>headers['X-CSRF-Token'] = 'x1'</script>`,
    `<script>xhr.setRequestHeader("X-XSRF-TOKEN", "x1")</script>`,
    `<script>form.append('_csrf', 'x1')</script>`,
    `<script>$.ajaxSetup({ headers: { "X-CSRF-TOKEN" : "x1" } })</script>`,
    '<script type="application/json">{"a":1,"csrf":"x1"}</script>',
    '<script>csrf: { token: "x1" }</script>',
    '<script>window.state = JSON.parse("{\\"csrfToken\\":\\"x1\\"}")</script>',
    '<script>fetch("/save?_csrf=x1-abc")</script>',
    '<SCRIPT>if (a</b/.test(c)) csrfToken="x1"</SCRIPT>',
    '<script>authenticity_token = "x1"</script>',
    '<!-- <input name="_csrf" value="x1"> -->',
    '<p title="5 > 4"><input name="_csrf" value="x1"></p>',
    `<p title='"'><input name="_csrf" value="x1"></p>`,
  ])('%s is for one visitor', (element) => {
    expect(reasonOf(`<html><body>${element}</body></html>`)).toBe('csrf-token')
  })

  it.each([
    '{"csrfToken":"x1"}',
    '{ "data": { "csrf": "x1" } }',
    '{"csrf_token":"x1","user":null}',
    '{"_token":"x1"}',
    '{"headers":{"X-CSRF-Token":"x1"}}',
    '{"token":"8b1VZDcF-yjXs"}',
    '{"csrf":{"token":"x1"}}',
  ])('the JSON %s is for one visitor', (body) => {
    for (const type of ['application/json', 'application/vnd.api+json; charset=utf-8']) {
      expect(reasonOf(body, ['Content-Type', type])).toBe('csrf-token')
    }
  })

  it.each(['var csrfToken="x1"', 'window.csrf = {"token":"x1"}'])(
    'the script %s is for one visitor',
    (body) => {
      for (const type of ['text/javascript; charset=utf-8', 'application/javascript']) {
        expect(reasonOf(body, ['Content-Type', type])).toBe('csrf-token')
      }
    },
  )

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
    // Fields that a script is to fill, or a template.
    '<input type="hidden" name="_csrf">',
    '<input type="hidden" name="_csrf" value="">',
    '<meta name="csrf-token" content=" ">',
    '<input name="_csrf" value="{{ csrfToken }}">',
    '<input name="token" placeholder="Your token">',
    '<input name="token" value="bitcoin">',
    '<div data-csrf-token="">',
    '<script>window.csrfToken = ""</script>',
    '<script>fetch(url, { headers: { "X-CSRF-Token": token } })</script>',
    // Escaped text, articles and documentation.
    '<p>my comment: name=csrf value=x1 </p>',
    '<pre>&lt;input name="_csrf" value="x1"&gt;</pre>',
    '<pre><code>&lt;meta name="csrf-token" content="x1"&gt;</code></pre>',
    '<p>Set csrfToken: "abc123" in your configuration, or csrf="x1".</p>',
    '<textarea>&lt;script&gt;csrfToken="x1"&lt;/script&gt;</textarea>',
    '<a name="csrf-tokens" href="/docs/csrf-token">CSRF tokens</a>',
    '<h2 id="csrf-token">The token</h2>',
    '<a href="/search?q=csrf+token&page=2">csrf</a>',
    '<img alt="a csrf token" src="/img/csrf.png">',
    '<article data-topic="csrf" class="csrf token">',
    '<body data-csrf="/csrf" data-csrf-token="true">',
    // Settings of scripts.
    '<script>axios({ xsrfCookieName: "XSRF-TOKEN", xsrfHeaderName: "X-XSRF-TOKEN" })</script>',
    '<script>var csrfHeader = "X-CSRF-Token", csrfParam = "authenticity_token"</script>',
    '<script>i18n({ csrf: "Your session has expired, try again" })</script>',
    '<script>csrf: "disabled", csrfToken: null, csrf_url: "/csrf"</script>',
    '<meta name="csrf-param" content="authenticity_token">',
    '<script>// no csrf here: "x"</script>',
  ])('%s is none', (body) => {
    expect(reasonOf(body)).toBeUndefined()
  })

  it('is looked for in pages alone, in any spelling of their type', () => {
    const body = '<input name="_csrf" value="x1">'
    expect(reasonOf(body, ['content-type', 'application/xhtml+xml'])).toBe('csrf-token')
    expect(reasonOf(body, ['CONTENT-TYPE', 'Text/HTML'])).toBe('csrf-token')
    expect(reasonOf(body, ['Content-Type', 'text/plain'])).toBeUndefined()
    for (const json of ['{"csrf":""}', '{"token":""}', '{"token":"USDC"}', '{"csrf":true}', '{}']) {
      expect(reasonOf(json, ['Content-Type', 'application/json'])).toBeUndefined()
    }
    expect(reasonOf(body, ['Content-Type', 'application/json'])).toBeUndefined()
  })

  it('is looked for by how the body begins, where no type says what it is', () => {
    for (const body of [
      '<input name="_csrf" value="x1">',
      ' \n<!doctype html><meta name="csrf-token" content="x1">',
      '\uFEFF<form><input name="_csrf" value="x1"></form>',
      '{"csrfToken":"x1"}',
    ]) {
      expect([body, reasonOf(body, [])]).toEqual([body, 'csrf-token'])
    }
    expect(reasonOf('csrf_token=x1, as text', [])).toBeUndefined()
  })

  it.each([
    '<input type="hidden" name="sesskey" value="alice">',
    '<input name="form_key" type="hidden" value="aBcDefGh">',
    '<input type="hidden" id="_wpnonce" name="_wpnonce" value="a1b2c3d4e5">',
    '<a href="/wp-login.php?action=logout&amp;_wpnonce=a1b2c3d4e5">',
    '<script>M.cfg = {"wwwroot":"/", "sesskey":"AbCdEfGhIj"}</script>',
    // Of letters alone.
    '<script>window.csrfToken = "alice"</script>',
    '<body data-csrf-token="kdjfhgkd">',
    '<div hx-headers=\'{"X-CSRF-Token": "abcdefgh"}\'>',
  ])('%s is for one visitor, too', (element) => {
    expect(reasonOf(`<html><body>${element}</body></html>`)).toBe('csrf-token')
  })

  it.each([
    '<input name="platform_key" value="x1">',
    '<input name="monkey" value="x1">',
    '<p>Each form_key and sesskey is a token</p>',
    '<script>var keys = { form: "key", csrf: "cookie" }</script>',
  ])('%s is none, either', (body) => {
    expect(reasonOf(body)).toBeUndefined()
  })

  it('is found in a large page in a few milliseconds, however hostile the page', () => {
    const pages = [
      'x'.repeat(2_000_000),
      'name='.repeat(300_000) + 'csrf',
      `csrf ${'name=  '.repeat(200_000)}`,
      `csrf ${'name'.padEnd(1_000_000)}`,
      `csrf ${'name \n'.repeat(200_000)}`,
      '<'.repeat(1_000_000) + 'csrf',
      '<a "'.repeat(300_000) + 'csrf',
      '<a csrf '.repeat(200_000),
      `<a ${'csrf '.repeat(200_000)}`,
      `<script>${'csrf'.repeat(300_000)}`,
      `<script>${'csrf=" " '.repeat(200_000)}`,
      `<script>${'csrf:{'.repeat(200_000)}`,
      `<script>${'?csrf='.repeat(200_000)}`,
      `<script>${'</'.repeat(500_000)}csrf`,
      '<script>csrf</'.repeat(100_000),
    ]
    for (const page of pages) {
      const start = process.cpuUsage()
      expect(reasonOf(page)).toBeUndefined()
      expect(process.cpuUsage(start).user).toBeLessThan(400_000)
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

  it('is found in other places than its attribute, where it is too long to be there by chance', () => {
    const nonce = 'r4nd0mNonce1234567'
    const fields = policy(`script-src 'nonce-${nonce}=='`)
    for (const page of [
      `<meta property="csp-nonce" content="${nonce}==">`,
      `<script>__webpack_nonce__ = "${nonce}=="</script>`,
      `<div data-nonce="${nonce}=="></div>`,
    ]) {
      expect(reasonOf(page, fields)).toBe('csp-nonce')
    }
  })

  it('is found where the page itself names it or its policy', () => {
    for (const page of [
      '<meta property="csp-nonce" content="x1">',
      '<meta property="csp-nonce" nonce="x1">',
      '<meta name="csp-nonce" content="x1">',
      `<meta http-equiv="Content-Security-Policy" content="script-src 'nonce-x1'">`,
      '<meta http-equiv="Content-Security-Policy" content="script-src &#39;nonce-x1&#39;">',
    ]) {
      expect(reasonOf(`<head>${page}</head>`)).toBe('csp-nonce')
    }
    expect(reasonOf('<meta property="csp-nonce" content=""><p>csp-nonce</p>')).toBeUndefined()
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
