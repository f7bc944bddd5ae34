import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { OwnProcess } from '../support/process.ts'
import type { InstanceSettings, Order, Peer, Report, Told } from './message.ts'

/** What becomes of what an instance says. */
export interface InstanceEars {
  /** The versions that the things have now. */
  rows(things: readonly number[]): readonly number[]
  told(life: string, told: Told): void
  ended(life: string, ending: string): void
}

/** One life of one process of the application, seen from outside. */
export class Instance implements Peer {
  readonly life: string
  port = 0
  isPaused = false
  /** It was killed, or told to end: what it does not answer from now on is no fault of it. */
  isGone = false
  readonly #process: OwnProcess
  readonly #send: (order: Order) => void
  readonly #rested: Promise<void>

  private constructor(settings: InstanceSettings, ears: InstanceEars, ready: () => void) {
    this.life = settings.life
    const child = fork(
      fileURLToPath(new URL('worker.js', import.meta.url)),
      [JSON.stringify(settings)],
      {
        stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
        env: { ...process.env, NODE_ENV: 'production' },
      },
    )
    this.#process = new OwnProcess(child)
    this.#send = (order) => {
      // A process that has just died hears nothing any more.
      if (child.connected) child.send(order, () => undefined)
    }
    this.#rested = new Promise((resolve) => {
      child.on('message', (report: Report) => {
        if (report.type === 'ready') {
          this.port = report.port
          ready()
        } else if (report.type === 'ask') {
          this.#send({ type: 'rows', id: report.id, versions: ears.rows(report.things) })
        } else {
          ears.told(this.life, report)
          if (report.isLast) resolve()
        }
      })
      void this.#process.ended.then((ending) => {
        ears.ended(this.life, this.isGone ? 'as it was told' : ending)
        this.isGone = true
        ready()
        resolve()
      })
    })
  }

  /** Resolves when it shows pages. */
  static async start(settings: InstanceSettings, ears: InstanceEars): Promise<Instance> {
    let ready = (): void => undefined
    const isReady = new Promise<void>((resolve) => (ready = resolve))
    const instance = new Instance(settings, ears, () => ready())
    await isReady
    return instance
  }

  peers(peers: readonly Peer[]): void {
    this.#send({ type: 'peers', peers: peers.map(({ life, port }) => ({ life, port })) })
  }

  invalidate(thing: number, version: number): void {
    this.#send({ type: 'invalidate', thing, version })
  }

  async pause(): Promise<void> {
    this.isPaused = true
    await this.#process.pause()
  }

  resume(): void {
    this.isPaused = false
    this.#process.resume()
  }

  async kill(): Promise<void> {
    this.isGone = true
    await this.#process.kill()
  }

  /** Resolves when it has told everything. */
  rest(): Promise<void> {
    this.#send({ type: 'rest' })
    return this.#rested
  }

  async end(): Promise<void> {
    this.isGone = true
    this.#send({ type: 'end' })
    await this.#process.ended
  }
}
