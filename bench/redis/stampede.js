/**
 * A thousand requests at once for a page that nobody has made, to two processes.
 */
import { median } from '../statistics.js'
import { RedisServer } from './server.js'
import { SharedProcess } from './shared.js'

const REQUESTS = 1000

/** @param {{ quick: boolean }} options */
export async function stampedeReport({ quick }) {
  const rounds = quick ? 3 : 11
  const server = await RedisServer.start()
  const kinds = ['cacheflow', 'bentocache']
  const found = new Map(kinds.map((kind) => [kind, []]))
  const processes = new Map()
  try {
    for (const kind of kinds) {
      processes.set(kind, [
        await SharedProcess.start(kind, server.port),
        await SharedProcess.start(kind, server.port),
      ])
    }
    for (let round = -1; round < rounds; round++) {
      for (const kind of kinds) {
        const one = await stampede(processes.get(kind), `/page?round=${round}`)
        if (round >= 0) found.get(kind).push(one)
      }
    }
  } finally {
    for (const some of processes.values()) for (const each of some) await each.stop()
    await server.stop()
  }
  const renders = (kind) => found.get(kind).map((one) => one.renders)
  const worst = Math.max(...renders('cacheflow'))
  return {
    title: `${REQUESTS.toLocaleString('en')} requests for one cold page, two processes`,
    head: ['', 'renders: median', 'most', 'ms until all are answered'],
    rows: kinds.map((kind) => [
      kind,
      median(renders(kind)),
      Math.max(...renders(kind)),
      median(found.get(kind).map((one) => one.milliseconds)).toFixed(0),
    ]),
    bars: [{ title: 'a stampede: renders', limit: 1, found: worst, met: worst <= 1 }],
  }
}

async function stampede(processes, path) {
  const before = await made(processes)
  const start = performance.now()
  const answers = await Promise.all(
    Array.from({ length: REQUESTS }, (_, i) => processes[i % processes.length].get(path)),
  )
  const milliseconds = performance.now() - start
  if (new Set(answers.map(({ bytes }) => bytes)).size !== 1)
    throw new Error('The answers differ in length.')
  return { renders: (await made(processes)) - before, milliseconds }
}

async function made(processes) {
  let sum = 0
  for (const each of processes) sum += await each.made()
  return sum
}
