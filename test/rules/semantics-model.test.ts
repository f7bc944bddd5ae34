import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Answer, type Application, type Made, application } from '../support/application.ts'

/** What the origin says of its pages, and what a shared cache may make of it, in seconds. */
const controls = {
  'max-age=10': { fresh: 10 },
  'max-age=20, s-maxage=5': { fresh: 5, strict: true },
  'max-age=10, must-revalidate': { fresh: 10, strict: true },
  'max-age=10, stale-while-revalidate=5': { fresh: 10, refresh: 5 },
  'max-age=10, stale-if-error=20': { fresh: 10, error: 20 },
  'max-age=0': { fresh: 0 },
  'no-cache, max-age=10': { fresh: 0, strict: true },
  private: { fresh: -1 },
  'max-age=10, no-store': { fresh: -1 },
} satisfies Record<string, { fresh: number; refresh?: number; error?: number; strict?: boolean }>
type Control = keyof typeof controls

interface Step {
  readonly act: 'get' | 'head' | 'post' | 'failed post' | 'wait' | 'change' | 'fail' | 'recover'
  readonly path: '/a' | '/b'
  readonly language: 'de' | 'fr'
  readonly seconds: number
  readonly control: Control
  readonly isTagged: boolean
  readonly varies: boolean
  readonly asks: 'nothing' | 'last tag' | 'range'
}

/** One making of a page, or one confirmation of it. */
interface Making {
  readonly at: number
  readonly control: Control
  readonly language: string
  readonly varies: boolean
}

/** An origin whose pages change by themselves, and what it may and may not hear of them through the cache. */
class Origin {
  readonly makings = new Map<string, Making>()
  version = 1
  control: Control = 'max-age=10'
  isTagged = true
  varies = false
  isDown = false
  /** The version that each path had at its last successful POST: nothing older is to be seen. */
  readonly floors = new Map<string, number>()

  make(now: number, path: string, language: string, condition: unknown): Made {
    if (this.isDown) return { status: 503, body: 'down' }
    const { version, control, varies } = this
    const body = `${path} ${version} ${varies ? language : 'all'}`
    const etag = `"${body.replaceAll(' ', '-')}"`
    this.makings.set(body, { at: now, control, language, varies })
    const fields = {
      'Cache-Control': control,
      ...(this.isTagged ? { ETag: etag } : {}),
      ...(varies ? { Vary: 'X-Language' } : {}),
    }
    return this.isTagged && condition === etag
      ? { status: 304, fields, body: null }
      : { fields, body }
  }
}

const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.record<Step>({
    act: fc.constantFrom(
      ...(['get', 'get', 'get', 'get', 'get', 'get', 'head', 'wait', 'wait', 'wait'] as const),
      ...(['post', 'failed post', 'change', 'fail', 'recover'] as const),
    ),
    path: fc.constantFrom('/a', '/b'),
    language: fc.constantFrom('de', 'fr'),
    // What the lifetimes of the pages are made of, so that their ends are met often.
    seconds: fc.constantFrom(1, 4, 5, 5),
    control: fc.constantFrom(...(Object.keys(controls) as Control[])),
    isTagged: fc.boolean(),
    varies: fc.boolean(),
    asks: fc.constantFrom('nothing', 'nothing', 'last tag', 'range'),
  }),
  { minLength: 5, maxLength: 40 },
)

describe('an origin and its visitors', () => {
  it('M-15, M-18, M-21, M-28 to M-30, M-32, M-34, M-38: see nothing that RFC 9111 forbids, whatever happens', async () => {
    await fc.assert(fc.asyncProperty(steps, visit), { numRuns: 100 })
  })
})

async function visit(history: readonly Step[]): Promise<void> {
  const origin = new Origin()
  const app: Application = await application(
    ({ request }) => {
      const { method, url = '', headers } = request
      if (method === 'POST') return { status: headers['x-fail'] === undefined ? 200 : 422 }
      return origin.make(app.now, url, String(headers['x-language']), headers['if-none-match'])
    },
    { maxAge: 'http', observe: false },
  )
  const tags = new Map<string, string>()
  for (const step of history) {
    const { act, path, language } = step
    if (act === 'wait') app.advance(step.seconds)
    if (act === 'fail' || act === 'recover') origin.isDown = act === 'fail'
    if (act === 'change') {
      origin.version++
      Object.assign(origin, { control: step.control, isTagged: step.isTagged, varies: step.varies })
    }
    if (act === 'post' || act === 'failed post') {
      const headers = act === 'post' ? {} : { 'X-Fail': '1' }
      await app.ask(path, { method: 'POST', headers })
      if (act === 'post') origin.floors.set(path, origin.version)
    }
    if (act === 'get' || act === 'head') {
      const last = tags.get(path + language)
      const headers = {
        'X-Language': language,
        ...(step.asks === 'last tag' && last !== undefined ? { 'If-None-Match': last } : {}),
        ...(step.asks === 'range' ? { Range: 'bytes=0-1' } : {}),
      }
      const refreshes = app.seen('refresh').length
      const before = new Map(origin.makings)
      const answer = await app.ask(path, { method: act === 'get' ? 'GET' : 'HEAD', headers })
      const isHit = String(answer.headers['cache-status']).includes('; hit;')
      // A refresh in the background may already have made the page anew.
      check(app, { ...origin, makings: isHit ? before : origin.makings }, step, answer, last)
      if (answer.headers['etag'] !== undefined) tags.set(path + language, answer.headers['etag'])
      if (app.seen('hit').at(-1)?.reason === 'stale-while-revalidate' && isHit) {
        await app.happened('refresh', refreshes + 1)
      }
    }
  }
  expect(app.seen('error')).toEqual([])
}

function check(
  app: Application,
  origin: Pick<Origin, 'makings' | 'floors' | 'isDown'>,
  step: Step,
  answer: Answer,
  last: string | undefined,
): void {
  const { path, language } = step
  const { status, headers, body } = answer
  const told = `${step.act} ${status} ${String(headers['cache-status'])} ${body}`
  if (status === 503) {
    expect([told, origin.isDown]).toEqual([told, true])
    return
  }
  expect([told, [200, 206, 304].includes(status)]).toEqual([told, true])
  if (status === 304) expect([told, step.asks, headers['etag']]).toEqual([told, 'last tag', last])
  if (status === 206) expect([told, step.asks, step.act]).toEqual([told, 'range', 'get'])
  if (status !== 200 || step.act === 'head') return

  // Which making of the page is it, and when was it made or confirmed last?
  const [, version = 0] = body.split(' ').map(Number)
  const made = origin.makings.get(body)
  if (made === undefined) throw new Error(`nobody made this: ${told}`)
  expect([told, body.startsWith(`${path} `)]).toEqual([told, true])
  if (made.varies) expect([told, made.language]).toEqual([told, language])
  expect([told, version >= (origin.floors.get(path) ?? 0)]).toEqual([told, true])

  const age = (app.now - made.at) / 1000
  const {
    fresh,
    refresh = 0,
    error = 0,
    strict = false,
  }: { fresh: number; refresh?: number; error?: number; strict?: boolean } = controls[made.control]
  if (age > 0 || headers['age'] !== undefined) {
    const isStale = age >= fresh
    const isAllowed =
      !isStale || (!strict && (age < fresh + refresh || (origin.isDown && age < fresh + error)))
    const isMadeNow = age === 0
    expect([told, age, isAllowed || isMadeNow]).toEqual([told, age, true])
    expect([told, headers['age']]).toEqual([told, String(age)])
  }
}
