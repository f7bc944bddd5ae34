import { setImmediate as turn } from 'node:timers/promises'
import { inspect } from 'node:util'
import fc from 'fast-check'
import { expect, it } from 'vitest'

/** How far a run goes: `npm run test:hostile` sets what `npm test` leaves at its small defaults. */
const env = process.env
const firstSeed = Number(env['HOSTILE_SEED'] ?? 1)
const seedCount = Number(env['HOSTILE_SEEDS'] ?? 1)
const totalSteps = Number(env['HOSTILE_STEPS'] ?? 0)
const replayPath = env['HOSTILE_PATH']
/** Goes on behind each failure and lists every distinct one: what a commit with known faults is measured by. */
const isSurvey = env['HOSTILE_SURVEY'] === '1'
/** Ablations run in the long run only. */
export const isLong = totalSteps > 0

/** What the cache answered is not what the application answers without it, or not what a model allows. */
export class Difference extends Error {
  /** What tells it from others where the plan does not. */
  readonly kind: string | undefined

  constructor(what: string, transcript: readonly string[], kind?: string) {
    super([what, ...transcript.map((line) => `      ${line}`)].join('\n'))
    this.name = 'Difference'
    this.kind = kind
  }
}

/** What one property has done so far. */
export interface Tally {
  steps: number
  hits: number
}

export interface Property<Plan> {
  readonly plans: fc.Arbitrary<Plan>
  /** Carries out one plan. @throws Difference */
  run(plan: Plan, tally: Tally): Promise<void>
  /** The share of the long run's steps, in percent of all. */
  readonly share: number
  /** Steps of the run in `npm test`. */
  readonly steps: number
  /** Steps of one plan, about. */
  readonly stepsPerPlan: number
  /** At least this share of the steps must be hits: a cache that stores nothing is transparent, too. */
  readonly leastHits?: number
  /** What tells one fault from another: the parts of a shrunk plan. */
  features?(plan: Plan): ReadonlySet<string>
  /**
   * Takes a mechanism out, and gives back what puts it in again: the property has to fail without it. In the long run
   * only.
   */
  readonly without?: () => () => void
}

/** One test of one property, over every seed of the run. */
export function explore<Plan>(title: string, property: Property<Plan>): void {
  const long = (totalSteps * property.share) / 100 / seedCount
  const steps = isLong ? Math.ceil(long) : property.steps
  const isOff = !isLong && property.without !== undefined
  it.skipIf(isOff)(
    title,
    async () => {
      const seeds = Array.from({ length: seedCount }, (_, index) => firstSeed + index)
      const tally: Tally = { steps: 0, hits: 0 }
      const failures: string[] = []
      const began = Date.now()
      const putBack = property.without?.()
      try {
        for (const seed of seeds) {
          failures.push(...(await searched(title, property, steps, seed, tally)))
          if (property.without && failures.length > 0) break
        }
      } finally {
        putBack?.()
      }
      const seconds = ((Date.now() - began) / 1000).toFixed(1)
      if (isLong) {
        const outcome = failures.length === 0 ? 'no difference' : `${failures.length} failures`
        print(
          `${title}: ${tally.steps} steps, ${tally.hits} hits, seeds ${seeds.join(' ')}, ${seconds} s: ${outcome}`,
        )
      }
      if (property.without) {
        // A failure of another kind proves nothing.
        const differences = failures.filter((each) => each.includes('GET /'))
        expect(differences.length, 'it fails without the mechanism').toBeGreaterThan(0)
        return
      }
      if (failures.length > 0) throw new Error(failures.join('\n\n'))
      if (property.leastHits !== undefined) {
        expect(tally.hits / tally.steps).toBeGreaterThan(property.leastHits)
      }
    },
    isLong ? 24 * 3_600_000 : 60_000,
  )
}

async function searched<Plan>(
  title: string,
  property: Property<Plan>,
  steps: number,
  seed: number,
  tally: Tally,
): Promise<string[]> {
  const { plans, features, stepsPerPlan } = property
  const found: ReadonlySet<string>[] = []
  const kinds = new Set<string>()
  const failures: string[] = []
  const isNew = (plan: Plan): boolean => {
    const own = features?.(plan)
    return own === undefined || !found.some((known) => [...known].every((each) => own.has(each)))
  }
  const goal = tally.steps + steps
  for (let round = 0; round < (isSurvey ? 200 : 1) && tally.steps < goal; round++) {
    const details = await fc.check(
      fc.asyncProperty(plans, async (plan) => {
        if (!isNew(plan)) return
        try {
          await property.run(plan, tally)
        } catch (error) {
          if (!(error instanceof Difference && kinds.has(error.kind ?? ''))) throw error
        }
        await turn()
      }),
      {
        // Each place gets plans of its own.
        seed: (seed + round * 1_000) * 7_919 + numberOf(title),
        numRuns: Math.ceil((goal - tally.steps) / stepsPerPlan),
        ...(replayPath === undefined ? {} : { path: replayPath }),
      },
    )
    if (!details.failed) break
    const plan = details.counterexample?.[0]
    const message =
      details.errorInstance instanceof Error ? details.errorInstance.message : 'timeout'
    failures.push(
      `seed ${seed + round * 1_000}, path ${details.counterexamplePath}, shrunk ${details.numShrinks} times\n` +
        `    again: npm run test:hostile -- --seed=${seed + round * 1_000} --path=${details.counterexamplePath} -t '${title}'\n` +
        `    plan: ${inspect(plan, { depth: 20, breakLength: 100, sorted: false })}\n` +
        `    ${message}`,
    )
    const { errorInstance } = details
    const kind = errorInstance instanceof Difference ? errorInstance.kind : undefined
    if (kind !== undefined) {
      kinds.add(kind)
      if (isSurvey) print(`  found: ${kind}\n${failures.at(-1)}`)
      continue
    }
    if (plan === undefined || features === undefined) break
    const own = features(plan)
    if (own.size === 0) break
    found.push(own)
    if (isSurvey) print(`  found: ${[...own].join(' + ')}\n${failures.at(-1)}`)
  }
  return failures
}

function numberOf(title: string): number {
  return Array.from(title).reduce((sum, char) => (sum * 31 + (char.codePointAt(0) ?? 0)) % 7_907, 0)
}

export function print(line: string): void {
  process.stderr.write(`${line}\n`)
}
