import { setImmediate as turn } from 'node:timers/promises'
import type { CacheHandle, CacheflowOptions } from 'cacheflow'
import fc from 'fast-check'
import { describe } from 'vitest'
import { ResponseCache } from '../../src/response/response-cache.ts'
import type { Application } from '../support/application.ts'
import { type ExpressStage, type KoaStage, expressStages, koaStages } from '../support/stages.ts'
import { Difference, type Property, type Tally, explore } from './explore.ts'
import { type Answer, isHit, stands } from './stand.ts'

/** What a run of the application may come to. */
const outcomes = {
  fine: { status: 200 },
  'not found': { status: 404 },
  gone: { status: 410 },
  moved: { status: 302, fields: { Location: '/login' } },
  'see other': { status: 303, fields: { Location: '/login' } },
  'not signed in': { status: 401 },
  forbidden: { status: 403 },
  'for legal reasons': { status: 451 },
  'too many': { status: 429 },
  empty: { status: 204 },
  'no-store': { status: 200, fields: { 'Cache-Control': 'no-store' } },
  private: { status: 200, fields: { 'Cache-Control': 'private, max-age=600' } },
  'no-store, misspelled': { status: 200, fields: { 'Cache-Control': 'private; max-age=600' } },
  'a cookie': { status: 200, fields: { 'Set-Cookie': 'sid=1' } },
  'a token': { status: 200, token: true },
  failing: { status: 500 },
  unavailable: { status: 503 },
  thrown: { status: 500, throws: true },
} as const satisfies Record<string, Outcome>

interface Outcome {
  readonly status: number
  readonly fields?: Readonly<Record<string, string>>
  readonly token?: boolean
  readonly throws?: boolean
}
type OutcomeName = keyof typeof outcomes

const names = Object.keys(outcomes) as OutcomeName[]
const storable: ReadonlySet<string> = new Set(['fine', 'not found', 'gone'])
const paths = ['/a', '/b'] as const
const themes = ['', 'dark'] as const

/** Ages are multiples of ten seconds, and no limit is one. */
const maxAge = 65
const windows = [5_000, 240, 0] as const

type Step =
  | { readonly do: 'turn'; readonly path: string; readonly to: OutcomeName }
  | { readonly do: 'wait'; readonly seconds: number }
  | { readonly do: 'ask'; readonly path: string; readonly theme: string; readonly times: number }

interface Plan {
  readonly staleWhileRevalidate: number
  readonly staleIfError: number
  readonly steps: readonly Step[]
}

const path = fc.oneof({ weight: 4, arbitrary: fc.constant(paths[0]) }, fc.constantFrom(...paths))
const plans: fc.Arbitrary<Plan> = fc.record({
  staleWhileRevalidate: fc.constantFrom(...windows),
  staleIfError: fc.constantFrom(...windows),
  steps: fc.array(
    fc.oneof(
      {
        weight: 2,
        arbitrary: fc.record({
          do: fc.constant('turn' as const),
          path,
          to: fc.oneof(
            { weight: 1, arbitrary: fc.constant<OutcomeName>('fine') },
            { weight: 2, arbitrary: fc.constantFrom(...names) },
          ),
        }),
      },
      {
        weight: 3,
        arbitrary: fc.record({
          do: fc.constant('wait' as const),
          seconds: fc.constantFrom(10, 70, 70, 70, 200, 3_000),
        }),
      },
      {
        weight: 6,
        arbitrary: fc.record({
          do: fc.constant('ask' as const),
          path,
          theme: fc.oneof(
            { weight: 4, arbitrary: fc.constant(themes[0]) },
            fc.constantFrom(...themes),
          ),
          times: fc.constantFrom(1, 1, 2),
        }),
      },
    ),
    { minLength: 8, maxLength: 40, size: 'max' },
  ),
})

interface Run {
  readonly key: string
  readonly text: string
  readonly name: OutcomeName
  readonly at: number
}

/** The application: each run is noted, and its text is its own. */
class Desk {
  readonly runs: Run[] = []
  readonly modes = new Map<string, OutcomeName>()
  readonly #clock: { readonly now: number }

  constructor(clock: { readonly now: number }) {
    this.#clock = clock
  }

  make(page: string, theme = ''): { outcome: Outcome; text: string } {
    const name = this.modes.get(page) ?? 'fine'
    const text = `${page} ${theme} ${name} ${this.runs.length + 1};`
    this.runs.push({ key: `${page} ${theme}`, text, name, at: this.#clock.now })
    const outcome: Outcome = outcomes[name]
    const token = '<input type="hidden" name="csrf_token" value="8f3a9b2c7d1e4f60">'
    return { outcome, text: outcome.token === true ? `<form>${token}</form>${text}` : text }
  }
}

type Stage =
  | { readonly kind: 'express'; readonly stage: ExpressStage }
  | { readonly kind: 'koa'; readonly stage: KoaStage }

function mounted(
  given: Stage,
  desk: Desk,
  clock: Application,
  options: CacheflowOptions<never>,
): ReturnType<ExpressStage['mount']> {
  if (given.kind === 'express') {
    return given.stage.mount(
      {
        options: options as CacheflowOptions<unknown>,
        handler: (request, response) => {
          const { outcome, text } = desk.make(request.path, request.get('x-theme'))
          if (outcome.throws === true) throw new Error(text)
          response
            .status(outcome.status)
            .set(outcome.fields ?? {})
            .type('html')
            .send(text)
        },
      },
      clock,
    )
  }
  return given.stage.mount(
    {
      options: options as CacheflowOptions<unknown>,
      handler: (ctx) => {
        const { outcome, text } = desk.make(ctx.path, ctx.get('x-theme'))
        if (outcome.throws === true) throw new Error(text)
        ctx.status = outcome.status
        ctx.set(outcome.fields ?? {})
        ctx.type = 'html'
        if (outcome.status !== 204) ctx.body = text
      },
    },
    clock,
  )
}

const { cached } = stands()

async function carriedOut(given: Stage, { steps, ...stale }: Plan, tally: Tally): Promise<void> {
  const clock = { now: Date.UTC(2026, 2, 4, 12), runs: 0 } as Application
  const desk = new Desk(clock)
  const { listener, cache } = mounted(given, desk, clock, {
    maxAge: maxAge * 1_000,
    staleWhileRevalidate: stale.staleWhileRevalidate * 1_000,
    staleIfError: stale.staleIfError * 1_000,
  })
  cached.listener = listener
  await cached.ask('/the-first-request')
  const stored = new Map<string, Run>()
  const transcript: string[] = []
  for (const step of steps) {
    if (step.do === 'turn') {
      desk.modes.set(step.path, step.to)
      transcript.push(`${step.path} turns: ${step.to}`)
    } else if (step.do === 'wait') {
      clock.now += step.seconds * 1_000
      transcript.push(`${step.seconds} s pass`)
    } else {
      const key = `${step.path} ${step.theme}`
      const before = desk.runs.length
      const headers = { Host: 'a.shop.example', ...(step.theme && { 'X-Theme': step.theme }) }
      const answers = await Promise.all(
        Array.from({ length: step.times }, () => cached.ask(step.path, headers)),
      )
      await settled(cache)
      const runs = desk.runs.slice(before)
      for (const answer of answers) {
        tally.steps++
        if (isHit(answer)) tally.hits++
        transcript.push(
          `GET ${key}: ${answer.status} ${answer.body} (${answer.headers['cache-status']})`,
        )
        const fault = faultOf(answer, key, stored.get(key), runs, clock.now, stale)
        if (fault !== undefined) throw new Difference(fault, transcript)
      }
      for (const run of runs) {
        const { status } = outcomes[run.name]
        if (storable.has(run.name)) stored.set(run.key, run)
        else if (status < 500 && status !== 429) stored.delete(run.key)
      }
    }
  }
}

/** What may be served: what a run of this moment said, or what the last word of the application left to be served. */
function faultOf(
  answer: Answer,
  key: string,
  existing: Run | undefined,
  runs: readonly Run[],
  now: number,
  { staleWhileRevalidate, staleIfError }: Omit<Plan, 'steps'>,
): string | undefined {
  if (runs.some((run) => run.key === key && isOf(answer, run))) return undefined
  if (existing === undefined || !isOf(answer, existing)) {
    return `GET ${key} got what the application does not say any more`
  }
  const age = (now - existing.at) / 1_000
  const failed = runs.some((run) => run.key === key && outcomes[run.name].status >= 500)
  const limit = Math.max(maxAge + staleWhileRevalidate, failed ? maxAge + staleIfError : 0)
  return age < limit ? undefined : `GET ${key} got what is ${age} s old: ${limit} s are allowed`
}

function isOf({ status, body }: Answer, { name, text }: Run): boolean {
  const outcome: Outcome = outcomes[name]
  const hasText = outcome.throws !== true && outcome.status !== 204
  return status === outcome.status && (!hasText || body.includes(text))
}

/** Nothing is being made any more, in the background either. */
async function settled(cache: CacheHandle): Promise<void> {
  for (let quiet = 0; quiet < 4;) {
    await turn()
    quiet = cache.stats().inFlight === 0 ? quiet + 1 : 0
  }
}

describe('INV11: the application forbids, removes or hides a page, and the old one is gone', () => {
  const stages: readonly Stage[] = [
    ...expressStages.map((stage) => ({ kind: 'express' as const, stage })),
    ...koaStages.map((stage) => ({ kind: 'koa' as const, stage })),
  ]
  for (const given of stages) {
    const property: Property<Plan> = {
      plans,
      run: (plan, tally) => carriedOut(given, plan, tally),
      share: 12 / stages.length,
      steps: 70,
      stepsPerPlan: 12,
      leastHits: 0.1,
      features: ({ steps }) =>
        new Set(
          steps.flatMap((step) => (step.do === 'turn' && step.to !== 'fine' ? [step.to] : [])),
        ),
    }
    explore(given.stage.name, property)
    if (given !== stages[0]) continue
    explore(`${given.stage.name}, without the removal of what is taken back`, {
      ...property,
      without: () => {
        const remove = ResponseCache.prototype.invalidateUnawaited
        ResponseCache.prototype.invalidateUnawaited = () => undefined
        return () => (ResponseCache.prototype.invalidateUnawaited = remove)
      },
    })
  }
})
