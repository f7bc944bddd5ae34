/**
 * Another client of Redis, in a process of its own: it sends a PING as soon as the last one is answered, and tells the longest wait.
 * `node ping.js <port>`; each message asks for the milliseconds since the one before.
 */
import { Redis } from 'ioredis'

const client = new Redis({ host: '127.0.0.1', port: Number(process.argv[2]) })
await client.ping()

let longest = 0
let count = 0

process.on('message', () => {
  process.send({ longest, count })
  longest = 0
  count = 0
})
process.on('disconnect', () => process.exit(0))
process.send({ isReady: true })

for (;;) {
  const start = performance.now()
  await client.ping()
  longest = Math.max(longest, performance.now() - start)
  count++
}
