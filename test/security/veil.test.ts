import cookieParser from 'cookie-parser'
import { expect, it } from 'vitest'
import { Popularity } from '../../src/flow/popularity.ts'
import { Veil } from '../../src/flow/veil.ts'
import { expressApplication } from '../support/application.ts'

it('S-19: no key tells the value of a cookie or of an unknown header', async () => {
  const app = await expressApplication(
    (express, cache) => {
      express.use(cache)
      express.use(cookieParser())
      express.get('/', (request, response) => {
        const { plan } = request.cookies as Record<string, string>
        response.send(`${plan} ${request.get('x-tenant')} ${request.get('accept-language')}`)
      })
    },
    { memory: { maxSize: 40_000 }, maxVariants: 1_000 },
  )
  const ask = async (index: number): Promise<void> => {
    const headers = { Cookie: `plan=gold-${index}`, 'X-Tenant': `acme-${index}` }
    const { body } = await app.get('/', { ...headers, 'Accept-Language': 'de' })
    expect(body).toBe(`gold-${index} acme-${index} de`)
  }
  for (let index = 0; index < 100; index++) await ask(index)
  await ask(99)
  expect(app.seen('hit').length).toBe(1)
  const evicted = app.seen('evict').map(({ key }) => key)
  expect(evicted.length).toBeGreaterThan(0)
  expect(evicted.filter((key) => /gold|acme/.test(key))).toEqual([])
  expect(evicted.join()).toContain('accept-language=2:de')
})

it('instances with one secret hide a value alike, and others do not', () => {
  const veils = ['a', 'a', 'b', undefined].map((secret) => new Veil(secret))
  const [first, second, third, fourth] = veils.map((veil) => veil.over('cookie:plan', 'gold'))
  expect(second).toBe(first)
  expect(new Set([first, third, fourth]).size).toBe(3)
  // The name counts, and absence stays what it is.
  expect(veils[0]?.over('x-plan', 'gold')).not.toBe(first)
  expect(veils[0]?.over('cookie:plan', undefined)).toBeUndefined()
})

it.each([
  [['cookie:plan'], { cookie: 'plan=gold' }, '/'],
  [['x-tenant'], { 'x-tenant': 'acme' }, '/'],
  [['accept'], { accept: 'text/html' }, '/?api_key=1'],
])('a warmer never replays what visitors sent in %j', (inputs, headers, target) => {
  const popularity = new Popularity()
  const request = { origin: 'http://a', target, headers: { host: 'a', ...headers } }
  const stored = { key: 'k', inputs, audience: undefined }
  popularity.made(request as never, stored as never, 10, true)
  expect(popularity.hottest(10)).toEqual([])
})

it('a warmer goes on asking for pages that select by what every browser sends', () => {
  const popularity = new Popularity()
  const headers = { host: 'a', 'accept-language': 'de' }
  const request = { origin: 'http://a', target: '/', headers }
  const stored = { key: 'k', inputs: ['accept-language', 'cookie:plan'], audience: undefined }
  popularity.made(request as never, stored as never, 10, true)
  expect(popularity.hottest(10).map((page) => page.request.headers)).toEqual([
    { 'accept-language': 'de' },
  ])
})
