/**
 * Results as Markdown: what the terminal shows is what docs/benchmarks.md holds.
 */
import { cpus, totalmem } from 'node:os'

import { verdicts } from './bars.js'
import { CASES } from './cases.js'
import { corePinning } from './child.js'
import { median, ratio, summary } from './statistics.js'
import { VARIANTS } from './variants.js'

/** @param {import('./run.js').Run} run */
export function report(run) {
  const tables = CASES.filter(({ id }) => run.results[id]).map((wanted) =>
    caseTable(wanted, run.results[wanted.id]),
  )
  return [conditions(run), disturbance(run.results), barTable(run.results), ...tables]
    .filter(Boolean)
    .join('\n\n')
}

/** Where the figures come from. No host name and no path: only what bears on them. */
function conditions({ command, date, rounds }) {
  const [{ model }] = cpus()
  const memory = Math.round(totalmem() / 2 ** 30)
  return table(
    ['Command', 'Date', 'Node', 'Machine', 'Rounds'],
    [
      [
        `\`${command.replaceAll('|', '\\|')}\``,
        date,
        process.version,
        `${cpus().length} cores (${model.trim()}), ${memory} GiB, ${process.platform}; ${corePinning}`,
        rounds,
      ],
    ],
  )
}

/**
 * Says so when a run is not worth believing: the server had to wait for its core, or the two processes
 * of the same base differ.
 */
function disturbance(results) {
  const signs = CASES.filter(({ id }) => results[id]?.node).flatMap(({ id, title }) => {
    const { node, 'node-again': again } = results[id]
    const busy = median(node.map((sample) => sample.busy))
    // The base is the mean of two, of which this is one: they differ by twice as much.
    const control = again ? 2 * ratio(cpu(again), cpu(node)).median - 1 : 1
    return [
      busy < 0.9
        ? `${title}: the base had its core for ${Math.round(busy * 100)} % of the time only`
        : '',
      Math.abs(control - 1) > 0.05
        ? `${title}: the base measured twice differs by ${control.toFixed(2)}`
        : '',
    ].filter(Boolean)
  })
  if (signs.length === 0) return ''
  return `**Disturbed**, to be run again on a quiet machine:\n\n${signs.map((sign) => `- ${sign}`).join('\n')}`
}

function caseTable(wanted, results) {
  const base = results[wanted.kind === 'hit' ? 'node' : undefined]
  const rows = VARIANTS.filter(({ id }) => results[id]).map((variant) => {
    const samples = results[variant.id]
    const against = base ?? results[`${variant.framework}-bare-route`]
    return [
      variant.role === 'cacheflow' ? `**${variant.title}**` : variant.title,
      spread(summary(cpu(samples)), 1),
      against ? spread(ratio(cpu(samples), cpu(against)), 2) : '',
      Math.round(median(samples.map(({ perSecond }) => perSecond))),
      `${Math.round(median(samples.map(({ busy }) => busy)) * 100)} %`,
    ]
  })
  const compared = wanted.kind === 'hit' ? 'by node:http' : 'by the bare framework'
  const head = ['Server', 'CPU µs a request', compared, 'requests/s', 'server busy']
  return `### ${wanted.title}\n\n${table(head, rows)}`
}

function barTable(results) {
  const found = verdicts(results)
  const cases = CASES.filter(({ id }) => found.some((verdict) => verdict.case === id))
  const titles = [...new Set(found.map(({ title }) => title))]
  const rows = titles.flatMap((title) => {
    const ofBar = found.filter((verdict) => verdict.title === title)
    return [...new Set(ofBar.map(({ framework }) => framework))].map((framework) => [
      title,
      framework,
      ofBar[0].limit,
      ...cases.map(({ id }) => {
        const verdict = ofBar.find((one) => one.framework === framework && one.case === id)
        return verdict
          ? `${verdict.ratio.median.toFixed(2)} ${verdict.met ? 'met' : '**missed**'}`
          : ''
      }),
    ])
  })
  if (rows.length === 0) return ''
  const missed = found.filter(({ met }) => !met).length
  return `### Bars\n\n${found.length - missed} met, ${missed} missed.\n\n${table(['Bar', 'Framework', 'At most', ...cases.map(({ title }) => title)], rows)}`
}

const cpu = (samples) => samples.map((sample) => sample.cpu)

const spread = ({ median: middle, deviation }, digits) =>
  `${middle.toFixed(digits)} ± ${deviation.toFixed(digits)}`

const table = (head, rows) =>
  [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n')
