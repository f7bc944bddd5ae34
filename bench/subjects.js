/**
 * What is measured by itself, and not against bare node:http: what the cache costs and saves with a Redis, each subject with a server of its own,
 * and what visitors notice while it warms.
 */
import { cpus, loadavg, totalmem } from 'node:os'

import { invalidationReport } from './invalidation.js'
import { dependentsReport } from './redis/dependents.js'
import { encodingReport } from './redis/encoding.js'
import { evictionReport } from './redis/eviction.js'
import { memoryReport } from './redis/memory.js'
import { outageReport } from './redis/outage.js'
import { pageReport } from './redis/page.js'
import { RedisServer } from './redis/server.js'
import { stampedeReport } from './redis/stampede.js'
import { warmingReport } from './warming.js'

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
  'warming/visitors': warmingReport,
  'invalidation/memory': invalidationReport,
}

/** What belongs together, and stands in one section of docs/benchmarks.md. */
export const GROUPS = {
  redis: { title: 'with Redis', section: 'measured with Redis' },
  warming: { title: 'while warming', section: 'measured while warming' },
  invalidation: { title: 'of invalidations', section: 'measured of invalidations' },
}

/** The subjects of a group that a pattern fits, by name. @param {keyof typeof GROUPS} group @param {RegExp} pattern */
export function subjectsOf(group, pattern) {
  return Object.keys(SUBJECTS).filter((name) => name.startsWith(`${group}/`) && pattern.test(name))
}

/**
 * Runs them one after another: one alone keeps the machine busy.
 *
 * @param {keyof typeof GROUPS} group
 * @param {string[]} names
 * @param {{ quick: boolean, command: string, progress: (line: string) => void }} options
 * @returns {Promise<{ markdown: string, reports: Report[] }>}
 */
export async function subjectsReport(group, names, { quick, command, progress }) {
  const before = loadavg()[0]
  const reports = []
  for (const name of names) {
    const start = performance.now()
    reports.push(await SUBJECTS[name]({ quick }))
    progress(`${name}: ${((performance.now() - start) / 1000).toFixed(0)} s`)
  }
  const after = loadavg()[0]
  const parts = [
    await conditions(group, command, before, after),
    disturbance(before, after),
    barTable(
      GROUPS[group].title,
      reports.flatMap(({ bars }) => bars),
    ),
    ...reports.map(reportTable),
  ]
  return { markdown: parts.filter(Boolean).join('\n\n'), reports }
}

async function conditions(group, command, before, after) {
  const redis =
    group === 'redis' ? [['Redis', `${await redisVersion()}, by the loopback interface`]] : []
  const [{ model }] = cpus()
  const memory = Math.round(totalmem() / 2 ** 30)
  const pairs = [
    ['Command', `\`${command.replaceAll('|', '\\|')}\``],
    ['Date', new Date().toISOString().slice(0, 10)],
    ['Node', process.version],
    ...redis,
    ['Machine', `${cpus().length} cores (${model.trim()}), ${memory} GiB, ${process.platform}`],
    ['Load before and after', `${before.toFixed(1)}, ${after.toFixed(1)}`],
  ]
  return table(
    pairs.map(([name]) => name),
    [pairs.map(([, value]) => value)],
  )
}

async function redisVersion() {
  const server = await RedisServer.start()
  const version = await server.version()
  await server.stop()
  return version
}

/** Cache, server and load want up to three cores at a time; where others want them too, times say little. */
function disturbance(before, after) {
  const cores = cpus().length
  if (before <= cores && after <= Math.max(3, cores) + 1) return ''
  return `**Disturbed**, to be run again on a quiet machine: others wanted its ${cores} cores too. Counts of commands, bodies, keys and bytes hold all the same.`
}

function barTable(named, bars) {
  if (bars.length === 0) return ''
  const missed = bars.filter(({ met }) => !met).length
  const rows = bars.map(({ title, limit, found, met }) => [
    title,
    limit,
    Number.isInteger(found) ? found : found.toFixed(2),
    met ? 'met' : '**missed**',
  ])
  return `### Bars ${named}\n\n${bars.length - missed} met, ${missed} missed.\n\n${table(['Bar', 'At most', 'Found', ''], rows)}`
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
