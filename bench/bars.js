/**
 * The bars: how much a hit or a miss may cost, and against what.
 */
import { HITS, MISSES } from './cases.js'
import { ratio } from './statistics.js'
import { FRAMEWORK_TITLES } from './variants.js'

/**
 * @typedef {object} Bar
 * @property {string} title
 * @property {number} limit   the ratio of CPU per request that must not be passed
 * @property {string[]} cases
 * @property {(framework: string) => string} of       id of the variant held to it
 * @property {(framework: string) => string} against  id of the variant it is compared with
 */

/** @type {Bar[]} */
export const BARS = [
  {
    title: '`cache.wrap(app)` by bare node:http',
    limit: 1.2,
    cases: HITS,
    of: (framework) => `${framework}-cacheflow-wrap`,
    against: () => 'node',
  },
  {
    title: '`app.use(cache)` first by bare node:http',
    limit: 1.4,
    cases: HITS,
    of: (framework) => `${framework}-cacheflow-first`,
    against: () => 'node',
  },
  {
    title: '`app.use(cache)` behind middleware by a ready Buffer in the same place',
    limit: 1.1,
    cases: HITS,
    of: (framework) => `${framework}-cacheflow-behind`,
    against: (framework) => `${framework}-ready-behind`,
  },
  {
    title: 'a miss by the bare framework',
    limit: 1.15,
    cases: MISSES,
    of: (framework) => `${framework}-cacheflow-first`,
    against: (framework) => `${framework}-bare-route`,
  },
]

/** What a variant is compared with in a case: it has to run in the same rounds. */
export function comparedWith(variantId, caseId) {
  return BARS.flatMap((bar) =>
    bar.cases.includes(caseId)
      ? FRAMEWORK_TITLES.filter(([framework]) => bar.of(framework) === variantId).map(
          ([framework]) => bar.against(framework),
        )
      : [],
  )
}

/**
 * @param {import('./run.js').Results} results
 * @returns {{ title: string, limit: number, framework: string, case: string, ratio: { median: number, deviation: number }, met: boolean }[]}
 */
export function verdicts(results) {
  return BARS.flatMap((bar) =>
    FRAMEWORK_TITLES.flatMap(([framework, name]) =>
      bar.cases.flatMap((caseId) => {
        const of = results[caseId]?.[bar.of(framework)]
        const against = results[caseId]?.[bar.against(framework)]
        if (!of || !against) return []
        const found = ratio(cpu(of), cpu(against))
        return [
          {
            title: bar.title,
            limit: bar.limit,
            framework: name,
            case: caseId,
            ratio: found,
            met: found.median <= bar.limit,
          },
        ]
      }),
    ),
  )
}

const cpu = (samples) => samples.map((sample) => sample.cpu)
