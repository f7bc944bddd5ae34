/**
 * One variant answering one case: its process, the proof that it answers rightly, and its rounds.
 */
import http from 'node:http'
import { setTimeout as pause } from 'node:timers/promises'

import { Child } from './child.js'
import { pageOf } from './pages.js'

/** What a browser sends: each server has to read it, each cache may have to look at it. */
const BROWSER = {
  'User-Agent': 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0',
  Accept: 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8',
  'Accept-Language': 'en-US,en;q=0.5',
  'Accept-Encoding': 'gzip, deflate, br',
}

const CONNECTIONS = 32

/** No two samples ask for the same address where each request is for another one. */
const FAR = 1e6

/**
 * @typedef {object} Sample
 * @property {number} cpu        microseconds of CPU (user and system) a request in the server process
 * @property {number} perSecond  requests a second
 * @property {number} busy       CPU time by wall time: near 1, the server was what limited
 */

export class Subject {
  #variant
  #case
  #server
  #load
  #runIn
  #plan

  /**
   * @param {import('./variants.js').Variant} variant
   * @param {import('./cases.js').Case} wanted
   * @param {Child} load
   * @param {number} runIn  requests before the counted ones: a process that waited for its turn has to find its pace again
   */
  constructor(variant, wanted, load, runIn) {
    this.#variant = variant
    this.#case = wanted
    this.#load = load
    this.#runIn = runIn
  }

  /** Starts the server and makes sure that it answers rightly, and from where it should. */
  async start() {
    this.#server = new Child('server', 'servers/start.js', [this.#variant.id, this.#case.id])
    const { port } = await this.#server.ask()
    this.#plan = await this.#prove(port)
  }

  /**
   * Asks for at least `seconds`. Connections come and go meanwhile, as they do in the rounds: code that
   * was compiled before it saw the first one end is thrown away then.
   */
  async warmUp(seconds) {
    const end = performance.now() + seconds * 1000
    for (let times = 0; times < 4 || performance.now() < end; times++)
      await this.#whileOpen(() => this.#run(this.#runIn))
  }

  /** @param {number} requests @returns {Promise<Sample>} */
  sample(requests) {
    return this.#whileOpen(async () => {
      await this.#run(this.#runIn)
      const before = await this.#server.ask('usage')
      const seconds = await this.#run(requests)
      const after = await this.#server.ask('usage')
      this.#provePlace(after.made - before.made, requests)
      const cpu = after.user + after.system - before.user - before.system
      return { cpu: cpu / requests, perSecond: requests / seconds, busy: cpu / 1e6 / seconds }
    })
  }

  /** Runs `requests` under the profiler. @returns {Promise<object>} a .cpuprofile */
  profile(requests) {
    return this.#whileOpen(async () => {
      await this.#server.ask('profile')
      await this.#run(requests)
      const { profile } = await this.#server.ask('profiled')
      return profile
    })
  }

  async stop() {
    await this.#server?.stop()
  }

  async #whileOpen(work) {
    await this.#load.ask({ open: this.#plan })
    try {
      return await work()
    } finally {
      await this.#load.ask({ close: true })
      this.#plan.firstUnique += FAR
    }
  }

  /** @returns {Promise<number>} seconds */
  async #run(requests) {
    const { seconds } = await this.#load.ask({ run: requests })
    return seconds
  }

  get #name() {
    return `${this.#case.id}/${this.#variant.id}`
  }

  /** On a hit no handler may have run, on a miss the handler must have run each time. */
  #provePlace(made, requests) {
    const expected = this.#case.kind === 'hit' && this.#variant.role !== 'bare' ? 0 : requests
    if (this.#variant.server === 'node' || made === expected) return
    throw new Error(
      `${this.#name}: the handler ran ${made} times in ${requests} requests, not ${expected} times.`,
    )
  }

  async #prove(port) {
    const page = pageOf(this.#case.page)
    // The first makes the page and the second finds it; storing may wait until the first was sent.
    await get(port)
    await pause(50)
    const second = await get(port)
    if (second.status !== 200) throw new Error(`${this.#name} answered ${second.status}.`)
    if (!second.body.equals(page.bytes))
      throw new Error(`${this.#name} answered with another body.`)
    const { etag } = second.headers
    if (this.#case.conditional && !etag) throw new Error(`${this.#name} sends no ETag.`)
    return {
      port,
      connections: CONNECTIONS,
      path: '/page',
      unique: this.#case.unique ?? false,
      firstUnique: 1,
      headers: Object.entries({
        ...BROWSER,
        ...(this.#case.conditional && { 'If-None-Match': etag }),
      }).map(([name, value]) => `${name}: ${value}`),
      status: this.#case.conditional ? 304 : 200,
      length: this.#case.conditional ? 0 : page.bytes.length,
      marks: this.#marks(),
    }
  }

  /** Cacheflow says itself where an answer came from, and is held to it in each response. */
  #marks() {
    if (this.#variant.role !== 'cacheflow') return []
    return [
      this.#case.kind === 'hit' ? 'Cache-Status: cacheflow; hit' : 'Cache-Status: cacheflow; fwd=',
    ]
  }
}

/** One request on a connection of its own. */
function get(port) {
  return new Promise((resolve, reject) => {
    http
      .get(
        { port, host: '127.0.0.1', path: '/page', headers: BROWSER, agent: false },
        async (response) => {
          const body = Buffer.concat(await response.toArray())
          resolve({ status: response.statusCode, headers: response.headers, body })
        },
      )
      .on('error', reject)
  })
}
