import { randomInt } from 'node:crypto'
import { createServer } from 'node:net'

/** What Redis Cluster adds for its own talk. */
const busOffset = 10_000

/**
 * A port that nobody listens on, nor on the one 10,000 above it. Both are below the ports that systems give to outgoing
 * connections: a client that knocks at such a port while its server is down may reach itself, and then has the port.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(11_000, 22_000)
    if ((await isFree(port)) && (await isFree(port + busOffset))) return port
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}
