/**
 * The load: a process of its own with raw keep-alive sockets, each with one request under way. It reads
 * every response to its end and checks status, length and marks in the head: what answers wrongly
 * is no measurement. Reading costs less than any server's answering, so the server is what is slow.
 *
 * Messages: `{ open: Plan }` connects and sends one request on each socket, `{ run: requests }` sends so
 * many and reports how long it took, `{ close: true }` ends the sockets.
 */
import net from 'node:net'

/**
 * @typedef {object} Plan
 * @property {number} port
 * @property {number} connections
 * @property {string} path
 * @property {boolean} unique       append ?n=1, ?n=2 ... so that no two requests are for the same thing
 * @property {number} firstUnique   where that counting begins
 * @property {string[]} headers     request lines after the Host
 * @property {number} status        expected
 * @property {number} length        expected length of the body
 * @property {string[]} marks       what each response's head must contain
 */

// One read buffer for all sockets: a chunk is dealt with before the next one is read.
const chunks = Buffer.allocUnsafe(256 * 1024)
const HEAD_END = '\r\n\r\n'

class Load {
  #plan
  #sockets = []
  #ready
  #unique
  #toSend = 0
  #toReceive = 0
  #done = () => {}
  #fail = () => {}

  /** @param {Plan} plan */
  constructor(plan) {
    this.#plan = plan
    this.#ready = this.#request('')
    this.#unique = plan.firstUnique
  }

  async open() {
    const { port, connections } = this.#plan
    for (let n = 0; n < connections; n++) this.#sockets.push(await this.#connect(port))
    await this.run(connections)
  }

  /** Sends `requests` in all, as fast as the answers come. @returns {Promise<number>} seconds */
  run(requests) {
    const start = performance.now()
    return new Promise((resolve, reject) => {
      this.#toSend = requests
      this.#toReceive = requests
      this.#done = () => resolve((performance.now() - start) / 1000)
      this.#fail = reject
      for (const socket of this.#sockets) this.#send(socket)
    })
  }

  close() {
    for (const socket of this.#sockets) socket.destroy()
  }

  #request(query) {
    const { path, headers, port } = this.#plan
    return Buffer.from(
      [`GET ${path}${query} HTTP/1.1`, `Host: 127.0.0.1:${port}`, ...headers, '', ''].join('\r\n'),
      'latin1',
    )
  }

  #send(socket) {
    if (this.#toSend === 0) return
    this.#toSend--
    socket.write(this.#plan.unique ? this.#request(`?n=${this.#unique++}`) : this.#ready)
  }

  #connect(port) {
    return new Promise((resolve, reject) => {
      const reader = new ResponseReader(this.#plan, () => {
        if (--this.#toReceive === 0) this.#done()
        this.#send(socket)
      })
      const failed = (error) => {
        reject(error)
        this.#fail(error)
      }
      const socket = net.connect({
        port,
        host: '127.0.0.1',
        noDelay: true,
        onread: {
          buffer: chunks,
          callback: (length, buffer) => {
            try {
              reader.read(buffer, length)
            } catch (error) {
              failed(error)
            }
            return true
          },
        },
      })
      socket.once('connect', () => resolve(socket))
      socket.on('error', failed)
      socket.on('end', () => failed(new Error('The server closed a connection.')))
    })
  }
}

/** Follows the responses of one socket. */
class ResponseReader {
  #plan
  #statusLine
  #finished
  /** Bytes of the body that are still to come. */
  #left = 0
  /** The beginning of a head that came in pieces. */
  #piece = ''

  constructor(plan, finished) {
    this.#plan = plan
    this.#statusLine = `HTTP/1.1 ${plan.status} `
    this.#finished = finished
  }

  read(buffer, length) {
    if (this.#left > 0) {
      this.#body(length)
      return
    }
    const text = this.#piece + buffer.latin1Slice(0, Math.min(length, 4096))
    const end = text.indexOf(HEAD_END)
    if (end === -1) {
      if (text.length > 4096) throw new Error(`A head longer than 4 KiB: ${text.slice(0, 200)}`)
      this.#piece = text
      return
    }
    const bodyInChunk = length + this.#piece.length - end - HEAD_END.length
    this.#piece = ''
    this.#check(text.slice(0, end))
    this.#left = this.#plan.length
    this.#body(bodyInChunk)
  }

  #body(bytes) {
    this.#left -= bytes
    if (this.#left < 0) throw new Error(`A response is ${-this.#left} bytes longer than expected.`)
    if (this.#left === 0) this.#finished()
  }

  #check(head) {
    const { status, length, marks } = this.#plan
    if (!head.startsWith(this.#statusLine)) throw new Error(`Expected status ${status}:\n${head}`)
    const missing = marks.find((mark) => !head.includes(mark))
    if (missing !== undefined) throw new Error(`Expected "${missing}" in the head:\n${head}`)
    if (status !== 304 && !head.toLowerCase().includes(`content-length: ${length}`)) {
      throw new Error(`Expected Content-Length ${length}:\n${head}`)
    }
  }
}

let load

process.on('message', async (message) => {
  try {
    if (message.open) {
      load = new Load(message.open)
      await load.open()
      process.send({ opened: true })
    } else if (message.run) {
      process.send({ seconds: await load.run(message.run) })
    } else {
      load?.close()
      process.send({ closed: true })
    }
  } catch (error) {
    load?.close()
    process.send({ error: error.message })
  }
})
process.on('disconnect', () => process.exit(0))
