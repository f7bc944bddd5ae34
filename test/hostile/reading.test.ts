import fc from 'fast-check'
import { describe } from 'vitest'
import type { Application } from '../support/application.ts'
import { expressStages, koaStages } from '../support/stages.ts'
import { type Answer, isHit, stands } from './stand.ts'
import { Difference, type Property, type Tally, explore } from './explore.ts'
import { type Piece, looks, pages } from './page.ts'
import {
  type Around,
  type Mounted,
  type SiteOptions,
  around,
  expressSites,
  koaSites,
  siteOptions,
} from './sites.ts'
import { type Visitor, targets, visitors } from './visitors.ts'
import { expressWays, kindOf, koaWays } from './ways.ts'

/** One application and those who visit it. */
interface Plan {
  readonly page: readonly Piece[]
  readonly around: Around
  readonly options: SiteOptions
  /** Some places know their application from its first request on: is the first of the visits that one? */
  readonly isAwake: boolean
  readonly cast: readonly Visitor[]
  readonly visits: readonly Visit[]
}

interface Visit {
  readonly who: number
  readonly target: string
  /** Comes together with the one before. */
  readonly isTogether: boolean
  /** Seconds that have passed before it comes. */
  readonly after: number
}

const { cached, plain } = stands()

function plans(ways: readonly string[], isKoa: boolean): fc.Arbitrary<Plan> {
  const visit = fc.record({
    who: fc.nat(9),
    target: fc.constantFrom<string>(...targets),
    isTogether: fc.boolean(),
    after: fc.constantFrom(0, 0, 0, 0, 0, 70),
  })
  return fc.record({
    page: pages(ways),
    around: around(ways, isKoa),
    options: siteOptions,
    isAwake: fc.boolean(),
    cast: fc.array(visitors, { minLength: 2, maxLength: 4 }),
    visits: fc.array(visit, { minLength: 4, maxLength: 16, size: 'max' }),
  })
}

async function visited(
  { cast, visits, isAwake }: Plan,
  [withCache, without]: readonly [Mounted, Mounted],
  clock: { now: number },
  tally: Tally,
): Promise<void> {
  cached.listener = withCache.listener
  plain.listener = without.listener
  if (isAwake) await cached.ask('/the-first-request')
  const transcript: string[] = []
  let difference: string | undefined
  for (let at = 0; at < visits.length;) {
    let end = at + 1
    while (visits[end]?.isTogether === true) end++
    const group = visits.slice(at, end)
    at = end
    clock.now += (group[0]?.after ?? 0) * 1000
    const asked = group.map(({ who, target }) => [target, cast[who % cast.length] ?? {}] as const)
    const expected = await Promise.all(asked.map(([target, who]) => plain.ask(target, who)))
    const got = await Promise.all(asked.map(([target, who]) => cached.ask(target, who)))
    for (const [index, [target, who]] of asked.entries()) {
      tally.steps++
      const [want, have] = [expected[index], got[index]]
      if (want === undefined || have === undefined) continue
      if (isHit(have)) tally.hits++
      const [should, is] = [essence(want), essence(have)]
      transcript.push(`GET ${target} ${JSON.stringify(who)}`, `  without: ${should}`)
      if (is === should) continue
      transcript.push(`  cached:  ${is} (${have.headers['cache-status']})`)
      difference ??= `GET ${target} of ${JSON.stringify(who)} differs`
    }
    if (difference !== undefined) throw new Difference(difference, transcript)
  }
}

function essence({ status, headers, body }: Answer): string {
  const shown = Object.entries(headers).filter(
    ([name]) => name.startsWith('x-') || /^(content-type|location|set-cookie)$/.test(name),
  )
  return JSON.stringify([
    status,
    Object.fromEntries(shown.toSorted(([a], [b]) => a.localeCompare(b))),
    body,
  ])
}

function features(plan: Plan): ReadonlySet<string> {
  const { page, around: outer, options } = plan
  const found = looks(page)
  const all = [...found].join()
  if (outer.als !== undefined && all.includes(': als')) found.add(`als: ${kindOf(outer.als)}`)
  if (outer.said !== undefined && all.includes('said before'))
    found.add(`before: ${kindOf(outer.said)}`)
  if (options.observe === false) found.add('unobserved')
  return found
}

/** No Proxy can be copied by these, whatever it holds: behind the cache they throw, as docs/decisions/0005-private-reads.md says. */
const uncopied = /^structuredClone|^v8\.serialize/
const known = (ways: object): string[] => Object.keys(ways).filter((name) => !uncopied.test(name))

/** Ways that a cache with `observe: false` can know of: by the cookies and credentials that it sees arrive. */
const credentialWays = (ways: object): string[] =>
  known(ways).filter(
    (name) =>
      !name.startsWith('Object.values') &&
      /^nothing$|cookie|session|authorization|signed/i.test(name),
  )

describe('INV8, INV9: whatever a page and its fragments read, by whatever way, each gets what is for him', () => {
  const stages = expressStages.length + koaStages.length
  const base = {
    share: 60 / stages,
    steps: 100,
    stepsPerPlan: 10,
    leastHits: 0.01,
    features,
  }
  const propertyFor = <Stage>(
    stage: Stage,
    ways: object,
    sites: (stage: Stage, plan: Plan, clock: Application) => [Mounted, Mounted],
  ): Property<Plan> => ({
    ...base,
    plans: fc.oneof(
      { weight: 5, arbitrary: plans(known(ways), sites === (koaSites as unknown)) },
      {
        weight: 1,
        arbitrary: plans(credentialWays(ways), sites === (koaSites as unknown)).map((plan) => ({
          ...plan,
          options: { observe: false as const },
        })),
      },
    ),
    run: async (plan, tally) => {
      const clock = { now: Date.UTC(2026, 2, 4, 12), runs: 0 } as Application
      await visited(plan, sites(stage, plan, clock), clock, tally)
    },
  })
  for (const stage of expressStages) {
    explore(stage.name, propertyFor(stage, expressWays, expressSites))
  }
  const [first] = expressStages
  if (first) {
    const blind = { ignore: ['x-tenant', 'accept', 'accept-language', 'x-user'] }
    const property = propertyFor(first, expressWays, expressSites)
    explore(`${first.name}, without the observation of some inputs`, {
      ...property,
      plans: property.plans.map((plan) => ({ ...plan, options: blind })),
      without: () => () => undefined,
    })
  }
  for (const stage of koaStages) explore(stage.name, propertyFor(stage, koaWays, koaSites))
})
