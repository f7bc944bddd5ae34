import { Agent, createServer, request } from 'node:http'

const hopByHop = new Set(['connection', 'keep-alive', 'transfer-encoding', 'upgrade'])

/**
 * What a load balancer does, as plainly as can be: requests go to the instances in turn, under the
 * name that the visitor called. The name is part of what a page is stored under, so all instances
 * share one page.
 *
 * @param {number[]} ports    of the instances
 */
export function createFrontDoor(ports) {
  const agent = new Agent({ keepAlive: true })
  let turn = 0

  const server = createServer((req, res) => {
    const port = ports[turn++ % ports.length]
    const { method, url: path } = req
    const headers = withoutHops(req.rawHeaders)
    // Localhost has two addresses, and which one a browser takes is its own affair.
    const asked = request({ host: 'localhost', port, method, path, headers, agent }, (answer) => {
      res.writeHead(answer.statusCode, answer.statusMessage, withoutHops(answer.rawHeaders))
      answer.pipe(res)
    })
    asked.once('error', () => {
      if (res.headersSent) return res.destroy()
      res.writeHead(502, { 'Content-Type': 'text/plain' })
      res.end('This instance does not answer. Try once more: the next one has its turn.\n')
    })
    res.once('close', () => asked.destroy())
    req.pipe(asked)
  })
  server.once('close', () => agent.destroy())
  return server
}

/**
 * Headers without those that are between two neighbours only.
 *
 * @param {string[]} lines    names and values in one list
 */
function withoutHops(lines) {
  return lines.filter((_, index) => !hopByHop.has(lines[index - (index % 2)].toLowerCase()))
}
