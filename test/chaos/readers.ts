import { Agent, get } from 'node:http'
import type { Random } from '../support/random.ts'
import { now, pause } from './clock.ts'
import type { InstanceSettings, Peer, ToldRead } from './message.ts'
import type { Pages } from './pages.ts'
import { type View, drawView, pathOf, shownIn, tokensIn } from './site.ts'

/** Milliseconds after which a reader gives up on a process that does not answer: it may have been stopped. */
const patience = 10_000

/** The visitors of one instance: they look at its pages, at those of its peers, and at fragments within the process. */
export class Readers {
  peers: readonly Peer[] = []
  readonly failures: string[] = []
  readonly #settings: InstanceSettings
  readonly #pages: Pages
  readonly #random: Random
  readonly #own: Peer
  readonly #agent = new Agent({ keepAlive: true })
  #reads: ToldRead[] = []
  #lost: string[] = []
  #slowest = 0
  readonly #pulse = new Pulse()
  #ending = false
  #running: Promise<unknown> = Promise.resolve()

  constructor(settings: InstanceSettings, pages: Pages, random: Random, own: Peer) {
    this.#settings = settings
    this.#pages = pages
    this.#random = random
    this.#own = own
  }

  start(): void {
    const { readers } = this.#settings
    this.#running = Promise.all(Array.from({ length: readers }, () => this.#readOn()))
  }

  async stop(): Promise<void> {
    this.#ending = true
    await this.#running
    this.#pulse.stop()
    this.#agent.destroy()
  }

  takeReads(): ToldRead[] {
    const reads = this.#reads
    this.#reads = []
    return reads
  }

  /** The lives that gave no answer. */
  takeLost(): string[] {
    const lost = this.#lost
    this.#lost = []
    return lost
  }

  /** The longest wait for the process itself, in milliseconds. */
  takeSlowest(): number {
    const slowest = this.#slowest
    this.#slowest = 0
    return slowest
  }

  /** The longest time in which this process did not run, in milliseconds. */
  takeStall(): number {
    return this.#pulse.takeStall()
  }

  async #readOn(): Promise<void> {
    while (!this.#ending) {
      await pause(this.#random.next() * this.#settings.idle)
      await this.#readOnce(drawView(this.#random))
    }
  }

  async #readOnce(view: View): Promise<void> {
    const path = pathOf(view)
    const peer = this.#random.chance(0.6) ? this.#own : this.#anyPeer()
    const start = now()
    try {
      const body =
        path === undefined ? await this.#pages.show(view) : await fetched(peer, path, this.#agent)
      const shown = tokensIn(body)
      if (!isWhole(view, shown)) throw new Error(`it is not whole: ${body}`)
      if (peer === this.#own && this.#pulse.hasBeatenSince(start)) {
        this.#slowest = Math.max(this.#slowest, now() - start)
      }
      this.#reads.push([start, path === undefined ? this.#own.life : peer.life, shown])
    } catch (error) {
      if (error instanceof Unreached) this.#lost.push(peer.life)
      else this.failures.push(`${view.kind} ${view.id}: ${String(error)}`)
    }
  }

  #anyPeer(): Peer {
    return this.peers.length === 0 ? this.#own : this.#random.one(this.peers)
  }
}

const beatEvery = 20

/** Tells whether the process has been running: one that was stopped keeps its readers waiting, too. */
class Pulse {
  readonly #timer = setInterval(() => this.#beat(), beatEvery)
  #last = now()
  #lastStop = 0
  #stall = 0

  takeStall(): number {
    const stall = this.#stall
    this.#stall = 0
    return stall
  }

  hasBeatenSince(moment: number): boolean {
    this.#beat()
    return this.#lastStop < moment
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  #beat(): void {
    const beat = now()
    this.#stall = Math.max(this.#stall, beat - this.#last - beatEvery)
    if (beat - this.#last > 100) this.#lastStop = beat
    this.#last = beat
  }
}

/** There is no answer to judge: the process is dead, or stands still. */
class Unreached extends Error {}

function fetched({ port }: Peer, path: string, agent: Agent): Promise<string> {
  return new Promise((resolve, reject) => {
    const request = get({ host: '127.0.0.1', port, path, agent, timeout: patience }, (response) => {
      let body = ''
      response.setEncoding('utf8')
      response.on('data', (chunk: string) => (body += chunk))
      response.on('error', (error) => reject(new Unreached(String(error))))
      response.on('end', () => {
        if (response.statusCode === 200) resolve(body)
        else reject(new Error(`${response.statusCode} ${body}`))
      })
    })
    request.on('timeout', () => request.destroy(new Unreached('no answer')))
    request.on('error', (error) => reject(new Unreached(String(error))))
  })
}

/** Does it show all that such a view consists of, and nothing else? */
function isWhole(view: View, shown: readonly number[]): boolean {
  const expected = shownIn(view)
  if (shown.length !== expected.length * 2) return false
  const left = new Map<number, number>()
  for (const { index } of expected) left.set(index, (left.get(index) ?? 0) + 1)
  for (let at = 0; at < shown.length; at += 2) {
    const index = shown[at] ?? -1
    const count = (left.get(index) ?? 0) - 1
    if (count < 0) return false
    left.set(index, count)
  }
  return true
}
