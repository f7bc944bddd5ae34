/**
 * Visitors: a request every few milliseconds, whether those before it are answered or not, as people come. Message: `{ port, path, seconds }`;
 * answer: how many they were, and their times in milliseconds.
 */
import http from 'node:http'

/** Milliseconds between two visitors. */
const PAUSE = 4

const agent = new http.Agent({ keepAlive: true, maxSockets: 256 })

function visit(port, path) {
  const start = performance.now()
  return new Promise((resolve, reject) => {
    const request = http.get({ port, host: '127.0.0.1', path, agent }, (response) => {
      response.resume()
      response.once('end', () => {
        const status = String(response.headers['cache-status'])
        if (status.includes('; hit')) resolve(performance.now() - start)
        else reject(new Error(`${path} is no hit: ${status}`))
      })
    })
    request.once('error', reject)
  })
}

async function visits({ port, path, seconds }) {
  const under = []
  await new Promise((resolve) => {
    const timer = setInterval(() => under.push(visit(port, path)), PAUSE)
    setTimeout(() => {
      clearInterval(timer)
      resolve()
    }, seconds * 1000)
  })
  const times = (await Promise.all(under)).toSorted((a, b) => a - b)
  const at = (part) => times[Math.min(times.length - 1, Math.floor(times.length * part))]
  return { count: times.length, p50: at(0.5), p99: at(0.99) }
}

process.on('message', (message) => {
  visits(message)
    .then((found) => process.send(found))
    .catch((/** @type {unknown} */ error) => process.send({ error: String(error) }))
})
process.on('disconnect', () => process.exit(0))
