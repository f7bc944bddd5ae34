/**
 * What an invalidation of very many dependents in the memory of one process takes of its event loop.
 * `node invalidation.js <count> <kind>` is the process that is measured.
 */
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

import { cacheflow } from '../dist/adapters/express/index.js'

const KINDS = ['tag', 'tag, soft', 'all', 'all, soft']
/** As many are made before others have their turn. */
const BATCH = 500
/** Milliseconds: after so long without a turn that took time, nothing is under way. */
const CALM = 300

/** @param {{ quick: boolean }} options */
export async function invalidationReport({ quick }) {
  const many = quick ? 100_000 : 1_000_000
  const found = KINDS.map((kind) => [kind, measured(many, kind)])
  const count = many.toLocaleString('en')
  return {
    title: `${count} dependents in memory`,
    head: ['', 'awaited, ms', 'longest turn, ms', 'CPU of that turn, ms', 'entries that fell'],
    rows: found.map(([kind, one]) => [
      kind,
      one.awaited.toFixed(1),
      one.gap.toFixed(1),
      one.cpu.toFixed(1),
      one.fragments.toLocaleString('en'),
    ]),
    bars: found.map(([kind, { cpu }]) => ({
      title: `${count} dependents, ${kind}: CPU of the longest turn, ms`,
      limit: 20,
      found: cpu,
      met: cpu <= 20,
    })),
    notes: [
      'A turn is the time between two callbacks of `setImmediate`. Its CPU is that of all threads of the process, so that a collector that works beside it counts too.',
    ],
  }
}

function measured(many, kind) {
  const { stdout, status } = spawnSync(
    process.execPath,
    ['--max-old-space-size=6000', fileURLToPath(import.meta.url), String(many), kind],
    { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] },
  )
  if (status !== 0) throw new Error(`${kind}: the measured process ended with ${status}`)
  return JSON.parse(stdout)
}

async function measure(many, kind) {
  const cache = cacheflow({ memory: { maxSize: '4GiB' }, maxAge: '1h' })
  for (let i = 0; i < many; i += BATCH) {
    const made = Array.from({ length: Math.min(BATCH, many - i) }, (_, j) =>
      cache.fragment(`row`, { key: i + j, tags: ['news'] }, () => `<p>${i + j}</p>`),
    )
    await Promise.all(made)
    await new Promise(setImmediate)
  }
  await new Promise((done) => setTimeout(done, 1000))
  const turns = watch()
  await new Promise((done) => setTimeout(done, CALM))
  turns.reset()
  const start = performance.now()
  const target = kind.startsWith('all') ? { all: true } : { tag: 'news' }
  const receipt = await cache.invalidate(target, { soft: kind.endsWith('soft') })
  const awaited = performance.now() - start
  await turns.calm()
  const { gap, cpu } = turns.longest
  console.log(JSON.stringify({ awaited, gap, cpu, fragments: receipt.fragments }))
  process.exit()
}

/** Turn after turn, with its time and its CPU. */
function watch() {
  const longest = { gap: 0, cpu: 0 }
  let time = performance.now()
  let usage = process.cpuUsage()
  let busyAt = time
  const turn = () => {
    const now = performance.now()
    const { user, system } = process.cpuUsage(usage)
    const cpu = (user + system) / 1000
    if (now - time > 0.5) busyAt = now
    longest.gap = Math.max(longest.gap, now - time)
    longest.cpu = Math.max(longest.cpu, cpu)
    time = now
    usage = process.cpuUsage()
    setImmediate(turn)
  }
  setImmediate(turn)
  return {
    longest,
    reset: () => Object.assign(longest, { gap: 0, cpu: 0 }),
    calm: async () => {
      busyAt = performance.now()
      const end = busyAt + 60_000
      while (performance.now() - busyAt < CALM && performance.now() < end) {
        await new Promise((done) => setTimeout(done, CALM / 10))
      }
    },
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await measure(Number(process.argv[2]), process.argv[3])
}
