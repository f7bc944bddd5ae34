import type { RequestListener } from 'node:http'
import { brotliDecompressSync, gunzipSync, inflateSync } from 'node:zlib'
import { cacheflow as forExpress } from 'cacheflow/express'
import { cacheflow as forKoa } from 'cacheflow/koa'
import express5, { type RequestHandler } from 'express'
import express4 from 'express4'
import fc from 'fast-check'
import Koa3, { type Middleware } from 'koa'
import Koa2 from 'koa2'
import { describe } from 'vitest'
import { Difference, type Tally, explore } from './explore.ts'
import { expressAnswers, expressLayers, koaAnswers, koaLayers } from './layers.ts'
import { type Answer, isHit, stands } from './stand.ts'

/** An application as an order of middleware, and the requests that it gets. */
interface Plan {
  readonly place: 'used' | 'route' | 'around'
  /** From outside to inside. */
  readonly layers: readonly string[]
  /** How many of them stand outside of the cache. */
  readonly outside: number
  readonly answer: string
  readonly requests: readonly Asking[]
}

interface Asking {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
  /** With If-None-Match, from the last answer that had a tag. */
  readonly hasTag?: boolean
}

const asked: fc.Arbitrary<Asking> = fc.constantFrom<Asking>(
  {},
  {},
  {},
  { method: 'HEAD' },
  { hasTag: true },
  { hasTag: true },
  { hasTag: true, method: 'HEAD' },
  { headers: { 'If-None-Match': '*' } },
  { headers: { 'If-None-Match': '"v1"' } },
  { headers: { 'If-Modified-Since': 'Tue, 01 Jul 2025 10:00:00 GMT' } },
  { headers: { Range: 'bytes=1-3' } },
  { headers: { Range: 'bytes=999999-' } },
  { headers: { 'Accept-Encoding': 'gzip' } },
  { headers: { 'Accept-Encoding': 'gzip, deflate, br' } },
  { headers: { 'Accept-Encoding': 'br;q=0.5, identity' } },
  { headers: { Accept: 'application/json' } },
  { headers: { Origin: 'https://a.example' } },
  { headers: { 'X-Request-Id': 'one' } },
  { headers: { Cookie: 'theme=dark' } },
  { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: '{"a":1}' },
  {
    method: 'POST',
    headers: {
      'X-HTTP-Method-Override': 'PUT',
      'Content-Type': 'application/x-www-form-urlencoded',
    },
    body: 'a=1',
  },
)

function plans(layers: object, answers: object): fc.Arbitrary<Plan> {
  return fc.record({
    place: fc.constantFrom('used', 'used', 'route', 'around'),
    layers: fc.shuffledSubarray(Object.keys(layers), { maxLength: 6 }),
    outside: fc.nat(6),
    answer: fc.constantFrom(...Object.keys(answers)),
    requests: fc.array(asked, { minLength: 3, maxLength: 12, size: 'max' }),
  })
}

const { cached, plain } = stands()

function expressApp(major: 4 | 5, plan: Plan, isCached: boolean): RequestListener {
  // The two majors have types of their own, equal in all that is used here.
  const express = major === 4 ? (express4 as unknown as typeof express5) : express5
  const cache = forExpress({})
  const app = express()
  app.set('env', 'test')
  const made = plan.layers.map((name) => expressLayers[name]?.() as RequestHandler)
  const [outside, inside] = [made.slice(0, plan.outside), made.slice(plan.outside)]
  const handler = expressAnswers[plan.answer] as RequestHandler
  for (const each of plan.place === 'around' ? [] : outside) app.use(each)
  if (isCached && plan.place === 'used') app.use(cache)
  if (plan.place === 'around') for (const each of outside) app.use(each)
  if (plan.place === 'route')
    app.all(/.*/, ...(isCached ? [cache.route({})] : []), ...inside, handler)
  else {
    for (const each of inside) app.use(each)
    app.use(handler)
  }
  return isCached && plan.place === 'around' ? cache.wrap(app) : (app as RequestListener)
}

function koaApp(major: 2 | 3, plan: Plan, isCached: boolean): RequestListener {
  const Koa = major === 2 ? (Koa2 as unknown as typeof Koa3) : Koa3
  const cache = forKoa({})
  const app = new Koa()
  app.silent = true
  app.keys = ['a key for tests']
  for (const [index, name] of plan.layers.entries()) {
    if (index === plan.outside && isCached && plan.place !== 'around') {
      app.use(plan.place === 'used' ? cache : cache.route({}))
    }
    app.use(koaLayers[name]?.(app) as Middleware)
  }
  if (plan.outside >= plan.layers.length && isCached && plan.place !== 'around') {
    app.use(plan.place === 'used' ? cache : cache.route({}))
  }
  app.use(koaAnswers[plan.answer] as Middleware)
  return isCached && plan.place === 'around' ? cache.wrap(app) : app.callback()
}

async function compared(
  build: (isCached: boolean) => RequestListener,
  plan: Plan,
  tally: Tally,
): Promise<void> {
  plain.listener = build(false)
  cached.listener = build(true)
  const transcript: string[] = []
  const tags: [string | undefined, string | undefined] = [undefined, undefined]
  for (const { hasTag = false, headers = {}, method = 'GET', body = '' } of plan.requests) {
    const fields = { Host: 'a.shop.example', ...headers }
    const isTagless = hasTag && (tags[0] === undefined || tags[1] === undefined)
    const tagged = (tag?: string): object => (hasTag && !isTagless ? { 'If-None-Match': tag } : {})
    const want = await plain.ask('/x', { ...fields, ...tagged(tags[0]) }, { method, body })
    // An application that hangs by itself, as some orders of parsers do, says nothing of the cache.
    if (want.status === 0) return
    const have = await cached.ask('/x', { ...fields, ...tagged(tags[1]) }, { method, body })
    tally.steps++
    if (isHit(have)) tally.hits++
    if (want.status === 200) tags[0] = want.headers.etag
    if (have.status === 200) tags[1] = have.headers.etag
    const asking = `${method} ${JSON.stringify({ ...headers, ...tagged(tags[1]) })}`
    transcript.push(asking, `  without: ${shown(want)}`, `  cached:  ${shown(have)}`)
    const difference = differenceOf(want, have, { method, headers: { ...headers, ...tagged('x') } })
    if (difference !== undefined)
      throw new Difference(`${asking}: ${difference}`, transcript, difference)
  }
}

function shown({ status, headers, body }: Answer): string {
  return JSON.stringify([status, headers, body.slice(0, 60)])
}

/** Added by the cache, or another one in each answer. */
const free = new Set([
  ...['date', 'age', 'cache-status', 'connection', 'keep-alive', 'transfer-encoding', 'vary'],
  ...['x-response-time', 'content-length', 'set-cookie', 'etag', 'cache-control'],
])

function differenceOf(
  want: Answer,
  have: Answer,
  { method = '', headers = {} }: Asking,
): string | undefined {
  // The cache answers conditions also where the application does not, and gives what it stores an entity tag.
  const isConditional = 'If-None-Match' in headers || 'If-Modified-Since' in headers
  if (have.status === 304 && want.status === 200 && isConditional) return undefined
  if (have.status === 206 && want.status === 200 && 'Range' in headers) {
    const part = decoded(want).toString('latin1').slice(1, 4)
    return method === 'HEAD' || have.body === part ? undefined : 'another part'
  }
  // Of what has no content nothing is confirmed.
  if (have.status === 204 && want.status === 304 && isAny(headers)) return undefined
  if (have.status !== want.status) return `${have.status} in place of ${want.status}`
  // The cache has no error pages: what a 416 says is the length.
  if (have.status === 416 && have.body === '') {
    const [length, given] = [want, have].map(({ headers: fields }) => fields['content-range'])
    return length === given ? undefined : 'another content-range'
  }
  if (method !== 'HEAD' && !decoded(have).equals(decoded(want))) return 'another body'
  const names = new Set([...Object.keys(want.headers), ...Object.keys(have.headers)])
  const other = [...names].find(
    (name) =>
      !isFree(name, have) &&
      // HEAD from the store has the fields of GET, also where the application has fewer for it.
      !(method === 'HEAD' && isHit(have) && want.headers[name] === undefined) &&
      String(want.headers[name]) !== String(have.headers[name]),
  )
  if (other !== undefined) return `another ${other}`
  for (const name of ['etag', 'cache-control', 'content-length'] as const) {
    const [wanted, given] = [want.headers[name], have.headers[name]]
    // HEAD from the store has the length of GET, also where the application's text names the method.
    if (name === 'content-length' && method === 'HEAD' && isHit(have)) continue
    if (wanted !== undefined && given !== undefined && wanted !== given) return `another ${name}`
    if (wanted !== undefined && name !== 'content-length' && given === undefined)
      return `no ${name}`
  }
  if (
    want.headers['cache-control'] === undefined &&
    !/^(no-cache)?$/.test(have.headers['cache-control'] ?? '')
  ) {
    return 'a cache-control of its own'
  }
  const lacks = listed(want.headers.vary).filter(
    (name) => !listed(have.headers.vary).includes(name),
  )
  if (lacks.length > 0) return `vary lacks ${lacks.join()}`
  const cookies = [want, have].map((each) =>
    (each.headers['set-cookie'] ?? []).map((line) => line.split('=', 1)[0]).join(),
  )
  return cookies[0] === cookies[1] ? undefined : 'other cookies'
}

/**
 * A 304 with an entity tag need not have Last-Modified (RFC 9110, 15.4.5). What the cache makes of a 200, a 304 or a part,
 * has the fields of that one, and a 200 that the application has confirmed those of its 304 (RFC 9111, 4.3.4): also where a layer writes
 * the status itself, or the type of the body, into a field.
 */
function isFree(name: string, answer: Answer): boolean {
  const { status, headers } = answer
  if (free.has(name)) return true
  if (name === 'x-late') {
    const isConfirmed = String(headers['cache-status']).includes('fwd-status=304')
    const isMade = status === 304 || status === 206
    return (isMade && headers[name] === '200') || (isConfirmed && headers[name] === '304')
  }
  // A hit says how long its body is: middleware outside, which codes only what is large, then leaves a small one as it is.
  if (name === 'content-encoding' && isHit(answer) && headers[name] === undefined) {
    return Number(headers['content-length']) < 1024
  }
  if (status !== 304) return false
  if (name === 'x-body') return headers[name] !== 'none'
  return name === 'last-modified' && headers.etag !== undefined
}

function isAny(headers: Asking['headers'] = {}): boolean {
  return headers['If-None-Match'] === '*'
}

function listed(field: string | undefined): string[] {
  return (field ?? '')
    .split(',')
    .map((name) => name.trim().toLowerCase())
    .filter((name) => name !== '')
}

function decoded({ headers, body }: Answer): Buffer {
  const bytes = Buffer.from(body, 'latin1')
  if (bytes.length === 0) return bytes
  switch (headers['content-encoding']) {
    case 'gzip':
      return gunzipSync(bytes)
    case 'br':
      return brotliDecompressSync(bytes)
    case 'deflate':
      return inflateSync(bytes)
    default:
      return bytes
  }
}

describe('INV9: in whatever order middleware stands, the cache among it changes no answer', () => {
  const features = ({ layers, answer, place }: Plan): ReadonlySet<string> =>
    new Set([...layers, `answer: ${answer}`, ...(place === 'used' ? [] : [place])])
  const property = {
    share: 12 / 4,
    steps: 300,
    stepsPerPlan: 8,
    leastHits: 0.02,
    features,
  }
  for (const major of [4, 5] as const) {
    explore(`Express ${major}`, {
      ...property,
      plans: plans(expressLayers, expressAnswers),
      run: (plan, tally) => compared((is) => expressApp(major, plan, is), plan, tally),
    })
  }
  for (const major of [2, 3] as const) {
    explore(`Koa ${major}`, {
      ...property,
      plans: plans(koaLayers, koaAnswers),
      run: (plan, tally) => compared((is) => koaApp(major, plan, is), plan, tally),
    })
  }
})
