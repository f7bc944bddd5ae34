/**
 * Redis stopped: its connections stay open and nothing is answered.
 */
import { setTimeout as pause } from 'node:timers/promises'

import { Child } from '../child.js'
import { pageOf } from '../pages.js'
import { median, ratio } from '../statistics.js'
import { until } from './instance.js'
import { RedisServer } from './server.js'
import { SharedProcess } from './shared.js'

/** The defaults of the cache, milliseconds. */
const COMMAND_TIMEOUT = 250
const MAX_STALENESS = 2000

const WARM = '/page?warm'

/** @param {{ quick: boolean }} options */
export async function outageReport({ quick }) {
  const rounds = quick ? 2 : 7
  const requests = quick ? 4000 : 10_000
  const server = await RedisServer.start()
  const load = new Child('load', 'load.js')
  const shared = await SharedProcess.start('cacheflow', server.port)
  const found = []
  try {
    await shared.get(WARM)
    await load.ask({ open: plan(shared.port) })
    for (let round = -1; round < rounds; round++) {
      const one = await stopped(server, shared, load, requests, round)
      if (round >= 0) found.push(one)
    }
    await load.ask({ close: true })
  } finally {
    server.resume()
    await load.stop()
    await shared.stop()
    await server.stop()
  }
  const of = (name) => found.map((one) => one[name])
  const middle = (name) => median(of(name))
  const soon = ratio(of('soon'), of('before'))
  const late = ratio(of('late'), of('before'))
  const first = middle('first') - middle('coldBefore')
  const next = middle('next') - middle('coldBefore')
  return {
    title: 'Redis stopped (SIGSTOP)',
    head: ['', 'before', 'stopped', ''],
    rows: [
      [
        'warm hits a second, at once',
        middle('before').toFixed(0),
        middle('soon').toFixed(0),
        spread(soon),
      ],
      [
        'warm hits a second, once what is held is no longer trusted',
        middle('before').toFixed(0),
        middle('late').toFixed(0),
        spread(late),
      ],
      [
        'the first cold page, ms',
        middle('coldBefore').toFixed(0),
        middle('first').toFixed(0),
        `+ ${first.toFixed(0)}`,
      ],
      [
        'ten more of them, ms (median)',
        middle('coldBefore').toFixed(0),
        middle('next').toFixed(0),
        `+ ${next.toFixed(0)}`,
      ],
    ],
    bars: [
      { title: 'Redis stopped: warm hits, before by stopped', ...under(1.1, 1 / soon.median) },
      { title: 'Redis stopped: delay of the first cold page, ms', ...under(260, first) },
      { title: 'Redis stopped: delay of the next ones, ms', ...under(10, next) },
    ],
    notes: [
      `A page takes 50 ms to be made. \`commandTimeout\` is ${COMMAND_TIMEOUT} ms and \`maxStaleness\` ${MAX_STALENESS} ms: behind that an instance makes each key it is asked for once in that time.`,
    ],
  }
}

const under = (limit, found) => ({ limit, found, met: found <= limit })
const spread = ({ median: middle, deviation }) => `${middle.toFixed(2)} ± ${deviation.toFixed(2)}`

async function stopped(server, shared, load, requests, round) {
  const perSecond = async () => requests / (await load.ask({ run: requests })).seconds
  const cold = async (name) => (await shared.get(`/page?${name}=${round}`)).milliseconds
  const before = await perSecond()
  const coldBefore = await cold('before')
  server.pause()
  const start = performance.now()
  const first = await cold('first')
  const soon = await perSecond()
  const more = []
  for (let i = 0; i < 10; i++) more.push(await cold(`more${i}`))
  await until(() => performance.now() - start > MAX_STALENESS * 1.2, 'the end of trust')
  const late = await perSecond()
  server.resume()
  // Until it is heard of again, and trusted.
  await until(async () => {
    const { status } = await shared.get(`${WARM}again=${round}`)
    await pause(20)
    return status.includes('hit')
  }, 'a hit')
  return { before, soon, late, coldBefore, first, next: median(more) }
}

/** @returns {import('../load.js').Plan} */
function plan(port) {
  return {
    port,
    connections: 32,
    path: WARM,
    unique: false,
    firstUnique: 1,
    headers: ['Accept: text/html'],
    status: 200,
    length: pageOf('html').bytes.length,
    marks: ['Cache-Status: cacheflow; '],
  }
}
