/**
 * What the cache costs and saves with a Redis: each subject starts a server of its own.
 */
import { cpus, loadavg, totalmem } from 'node:os'

import { dependentsReport } from './dependents.js'
import { encodingReport } from './encoding.js'
import { evictionReport } from './eviction.js'
import { memoryReport } from './memory.js'
import { outageReport } from './outage.js'
import { pageReport } from './page.js'
import { RedisServer } from './server.js'
import { stampedeReport } from './stampede.js'

/**
 * @typedef {object} Report
 * @property {string} title
 * @property {string[]} head
 * @property {(string | number)[][]} rows
 * @property {{ title: string, limit: number, found: number, met: boolean }[]} bars
 * @property {string[]} [notes]
 */

/** @type {Record<string, (options: { quick: boolean }) => Promise<Report>>} */
const SUBJECTS = {
  'redis/page': pageReport,
  'redis/eviction': evictionReport,
  'redis/dependents': dependentsReport,
  'redis/stampede': stampedeReport,
  'redis/outage': outageReport,
  'redis/memory': memoryReport,
  'redis/encoding': encodingReport,
}

/** The subjects that a pattern fits, by name. @param {RegExp} pattern */
export function redisSubjects(pattern) {
  return Object.keys(SUBJECTS).filter((name) => pattern.test(name))
}

/**
 * Runs them one after another: one alone keeps the machine busy.
 *
 * @param {string[]} names
 * @param {{ quick: boolean, command: string, progress: (line: string) => void }} options
 * @returns {Promise<{ markdown: string, reports: Report[] }>}
 */
export async function redisReport(names, { quick, command, progress }) {
  const before = loadavg()[0]
  const reports = []
  for (const name of names) {
    const start = performance.now()
    reports.push(await SUBJECTS[name]({ quick }))
    progress(`${name}: ${((performance.now() - start) / 1000).toFixed(0)} s`)
  }
  const parts = [
    await conditions(command, before),
    disturbance(before),
    barTable(reports.flatMap(({ bars }) => bars)),
    ...reports.map(reportTable),
  ]
  return { markdown: parts.filter(Boolean).join('\n\n'), reports }
}

async function conditions(command, before) {
  const server = await RedisServer.start()
  const version = await server.version()
  await server.stop()
  const [{ model }] = cpus()
  const memory = Math.round(totalmem() / 2 ** 30)
  return table(
    ['Command', 'Date', 'Node', 'Redis', 'Machine', 'Load before'],
    [
      [
        `\`${command.replaceAll('|', '\\|')}\``,
        new Date().toISOString().slice(0, 10),
        process.version,
        `${version}, by the loopback interface`,
        `${cpus().length} cores (${model.trim()}), ${memory} GiB, ${process.platform}`,
        before.toFixed(1),
      ],
    ],
  )
}

/** Server, cache and load want a core each; where others want them too, times say little. */
function disturbance(before) {
  if (before <= cpus().length / 2) return ''
  return `**Disturbed**, to be run again on a quiet machine: ${before.toFixed(1)} processes wanted its ${cpus().length} cores before this run began. Counts of commands, bodies, keys and bytes hold all the same.`
}

function barTable(bars) {
  if (bars.length === 0) return ''
  const missed = bars.filter(({ met }) => !met).length
  const rows = bars.map(({ title, limit, found, met }) => [
    title,
    limit,
    Number.isInteger(found) ? found : found.toFixed(2),
    met ? 'met' : '**missed**',
  ])
  return `### Bars with Redis\n\n${bars.length - missed} met, ${missed} missed.\n\n${table(['Bar', 'At most', 'Found', ''], rows)}`
}

function reportTable({ title, head, rows, notes = [] }) {
  const named = rows.map(([first, ...rest]) => [
    String(first).startsWith('cacheflow') ? `**${first}**` : first,
    ...rest,
  ])
  return [`### ${title}`, table(head, named), ...notes].join('\n\n')
}

const table = (head, rows) =>
  [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n')
