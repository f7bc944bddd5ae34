/**
 * One server process: `node start.js <variant> <case>`. It answers its parent's messages with the CPU
 * time it has used and the number of times its handler ran.
 */
import http from 'node:http'
import { Session } from 'node:inspector/promises'

import { CASES } from '../cases.js'
import { pageOf } from '../pages.js'
import { VARIANTS } from '../variants.js'

const [variantId, caseId] = process.argv.slice(2)
const variant = VARIANTS.find(({ id }) => id === variantId)
const wanted = CASES.find(({ id }) => id === caseId)

let made = 0
const { createListener } = await import(`./${variant.server}.js`)
const listener = await createListener({
  framework: variant.framework,
  place: variant.place,
  role: variant.role,
  page: pageOf(wanted.page),
  noStore: wanted.noStore ?? false,
  reads: variant.reads ?? false,
  conditional: wanted.conditional ?? false,
  /** Each handler that makes the page calls this: on a hit it must not move. */
  count() {
    made++
  },
})

const server = http.createServer(listener)
server.listen(0, '127.0.0.1', () => process.send({ port: server.address().port }))

const profiler = new Session()

const answers = {
  usage: () => ({ ...process.cpuUsage(), made }),
  /** From here: started after the warm-up, so that compiling is not what a profile shows. */
  async profile() {
    profiler.connect()
    await profiler.post('Profiler.enable')
    await profiler.post('Profiler.setSamplingInterval', { interval: 100 })
    await profiler.post('Profiler.start')
    return {}
  },
  profiled: () => profiler.post('Profiler.stop'),
}

process.on('message', async (message) => process.send(await answers[message]()))
process.on('disconnect', () => process.exit(0))
