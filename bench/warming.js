/**
 * What visitors notice while the cache warms: the times of their hits with and without, from a process that comes at an even pace.
 */
import { Child } from './child.js'
import { median, ratio } from './statistics.js'

const KINDS = [
  {
    id: 'share 0.1',
    title: 'cacheflow, `warming.maxUtilization` 0.1 (the default)',
    maxUtilization: 0.1,
  },
  { id: 'share 0.03', title: 'cacheflow, `warming.maxUtilization` 0.03', maxUtilization: 0.03 },
  { id: 'share 1', title: 'cacheflow, `warming.maxUtilization` 1', maxUtilization: 1 },
  {
    id: 'fetch',
    title: 'a loop in the same process that fetches them, four at a time',
    maxUtilization: 'fetch',
  },
]

/** @param {{ quick: boolean }} options */
export async function warmingReport({ quick }) {
  const rounds = quick ? 3 : 9
  const seconds = quick ? 2 : 4
  const visitors = new Child('load', 'visitors.js')
  const found = new Map(KINDS.map(({ id }) => [id, { before: [], during: [], made: [] }]))
  try {
    for (let round = -1; round < rounds; round++) {
      for (const kind of KINDS) {
        const one = await measured(kind, visitors, round < 0 ? 1 : seconds)
        if (round < 0) continue
        const { before, during, made } = found.get(kind.id)
        before.push(one.before)
        during.push(one.during)
        made.push(one.made)
      }
    }
  } finally {
    await visitors.stop()
  }
  const rows = KINDS.map(({ id, title }) => {
    const { before, during, made } = found.get(id)
    const of = (samples, name) => samples.map((sample) => sample[name])
    const show = (samples, name) => median(of(samples, name)).toFixed(2)
    const times = ratio(of(during, 'p99'), of(before, 'p99'))
    return [
      title,
      median(made).toFixed(0),
      show(before, 'p50'),
      show(during, 'p50'),
      show(before, 'p99'),
      show(during, 'p99'),
      `${times.median.toFixed(2)} ± ${times.deviation.toFixed(2)}`,
    ]
  })
  const { before, during } = found.get('share 0.1')
  const p99 = (samples) => samples.map((sample) => sample.p99)
  const bar = ratio(p99(during), p99(before)).median
  return {
    title: 'Hits of visitors while pages are made',
    head: ['', 'pages a second', 'p50, ms', 'while warming', 'p99, ms', 'while warming', ''],
    rows,
    bars: [{ title: 'p99 of hits, while warming by without', limit: 2, found: bar, met: bar <= 2 }],
    notes: [
      'Visitors come every 4 ms, whether those before them are answered or not, for a page of 20 KiB in memory. Each page that is made waits 10 ms for its rows, and then takes the processor for about half a millisecond, and what storing it takes.',
    ],
  }
}

/** Each in a process of its own, so that none has what others have left. */
async function measured({ share }, visitors, seconds) {
  const server = new Child('server', 'servers/warming.js', [String(share)])
  try {
    const { port } = await server.ask()
    const visit = (time) => visitors.ask({ port, path: '/hit', seconds: time })
    await (await fetch(`http://127.0.0.1:${port}/hit`)).arrayBuffer()
    // Both paths are compiled by then.
    await server.ask('start')
    await visit(1)
    await server.ask('stop')
    await visit(1)
    const before = await visit(seconds)
    await server.ask('start')
    await visit(0.5)
    const { made: start } = await server.ask('made')
    const during = await visit(seconds)
    const { made } = await server.ask('made')
    await server.ask('stop')
    return { before, during, made: (made - start) / seconds }
  } finally {
    await server.stop()
  }
}
