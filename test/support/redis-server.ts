import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { copyFile, mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { createInterface } from 'node:readline'
import { freePort } from './free-port.ts'
import { OwnProcess, temporaryDirectory } from './process.ts'
import { redisBinary } from './redis-binary.ts'
import { RedisControl } from './redis-control.ts'

export interface RedisServerOptions {
  /** Whether it writes its data to disk when it is stopped in good order. Not by default; never when it is killed. */
  readonly save?: boolean
  /** Lines of its configuration file, by name: `{ maxmemory: '10mb' }`. */
  readonly config?: Readonly<Record<string, string>>
  /** Gives the port to listen on, and another one when that is taken. A free one by default. */
  readonly nextPort?: () => number | Promise<number>
}

/** A state of a server, to go back to. */
export interface Snapshot {
  readonly file: string
}

/** How long a start and a stop may take, in milliseconds. */
const patience = 15_000

/**
 * A Redis (or Valkey) server of our own, on a port of its own at 127.0.0.1. What is in it is gone with the test
 * process. `await using server = await RedisServer.start()` stops it at the end of the block.
 */
export class RedisServer {
  readonly port: number
  readonly #directory: string
  readonly #options: RedisServerOptions
  readonly #control: RedisControl
  readonly #log: string[] = []
  #process: OwnProcess | undefined
  #runId = ''
  #snapshots = 0

  private constructor(port: number, options: RedisServerOptions) {
    this.port = port
    this.#options = options
    this.#control = new RedisControl(port)
    this.#directory = join(temporaryDirectory(), `redis-${port}`)
  }

  /**
   * Resolves when the server answers.
   * @throws when there is no server to start, or it refuses its configuration
   */
  static async start(options: RedisServerOptions = {}): Promise<RedisServer> {
    const { nextPort = freePort } = options
    for (let attempt = 1; ; attempt++) {
      const server = new RedisServer(await nextPort(), options)
      try {
        await server.#launch()
        return server
      } catch (error) {
        if (attempt === 5 || !(error instanceof TakenError)) throw error
      }
    }
  }

  /** Of the process that runs now, or ran last. */
  get pid(): number {
    return this.#process?.pid ?? 0
  }

  /** Redis's own name for the process that runs now, or ran last. */
  get runId(): string {
    return this.#runId
  }

  get isRunning(): boolean {
    return this.#process?.hasEnded === false
  }

  /** What the server wrote to its log, over all of its starts. */
  get log(): string {
    return this.#log.join('\n')
  }

  /** Ends it in good order, paused or not. Does nothing when it does not run. */
  async stop(): Promise<void> {
    this.#control.close()
    await this.#process?.stop(patience)
  }

  /** SIGKILL: nothing is written, nobody is told. */
  async kill(): Promise<void> {
    this.#control.close()
    await this.#process?.kill()
  }

  /** SIGSTOP: connections stay open, nothing is answered. */
  async pause(): Promise<void> {
    await this.#process?.pause()
  }

  /** SIGCONT: what has come in meanwhile is answered. */
  resume(): void {
    this.#process?.resume()
  }

  /**
   * Starts it again at the same port, and stops it before if it runs. It comes back empty, or with `keepData` with what
   * is on its disk; a server that still runs writes everything there first.
   */
  async restart({ keepData = false }: { readonly keepData?: boolean } = {}): Promise<void> {
    if (this.isRunning) {
      this.resume()
      if (keepData) await this.command('SAVE')
      await this.stop()
    }
    if (!keepData) await this.#removeData()
    await this.#launch()
  }

  /** Keeps the state of now. */
  async snapshot(): Promise<Snapshot> {
    await this.command('SAVE')
    const file = join(this.#directory, `snapshot-${++this.#snapshots}.rdb`)
    await copyFile(this.#dump, file)
    return { file }
  }

  /** Starts it again at the same port with an older state, as a backup or a late replica brings it. */
  async restore({ file }: Snapshot): Promise<void> {
    await this.stop()
    await this.#removeData()
    await copyFile(file, this.#dump)
    await this.#launch()
  }

  /**
   * Sends one command over a connection of the tests' own, and gives the reply in RESP2's types.
   * @throws Redis's error replies, and an error after 15 s without a reply
   */
  async command(name: string, ...args: (string | number | Buffer)[]): Promise<unknown> {
    if (!this.isRunning) throw new Error(`the server at port ${this.port} does not run`)
    return this.#control.command(name, ...args)
  }

  /** A section of INFO, field by field. */
  async info(section: string): Promise<Map<string, string>> {
    return this.#control.info(section)
  }

  /** How often each command ran since the start or CONFIG RESETSTAT: `get`, `config|set`. The tests' own are among them. */
  async commandStats(): Promise<Map<string, number>> {
    return this.#control.commandStats()
  }

  /** Bytes that the server has allocated: used_memory. */
  async memory(): Promise<number> {
    return Number((await this.info('memory')).get('used_memory'))
  }

  /** Stops it and removes its files. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
    await rm(this.#directory, { recursive: true, force: true })
  }

  get #dump(): string {
    return join(this.#directory, 'dump.rdb')
  }

  async #removeData(): Promise<void> {
    await rm(this.#dump, { force: true })
    await rm(join(this.#directory, 'appendonlydir'), { recursive: true, force: true })
  }

  async #launch(): Promise<void> {
    await mkdir(this.#directory, { recursive: true })
    const file = join(this.#directory, 'redis.conf')
    await writeFile(file, this.#configuration())
    const child = spawn(redisBinary(), [file], { stdio: ['ignore', 'pipe', 'pipe'] })
    this.#process = new OwnProcess(child)
    try {
      await this.#ready(child)
      // Another server may have been at the port before: ours is the one with our process.
      const info = await this.info('server')
      if (Number(info.get('process_id')) !== this.pid) throw new TakenError(this.port)
      this.#runId = info.get('run_id') ?? ''
    } catch (error) {
      await this.kill()
      throw error
    }
  }

  #configuration(): string {
    const settings = {
      port: String(this.port),
      bind: '127.0.0.1',
      dir: `"${this.#directory}"`,
      save: this.#options.save ? '3600 1' : '""',
      appendonly: 'no',
      ...this.#options.config,
    }
    return Object.entries(settings)
      .map(([name, value]) => `${name} ${value}\n`)
      .join('')
  }

  /** Reads the log, for as long as there is one, and resolves at the line that says so. */
  #ready(child: ChildProcessByStdio<null, Readable, Readable>): Promise<void> {
    const start = this.#log.length
    return new Promise((resolve, reject) => {
      const fail = (what: string): void => {
        const lines = this.#log.slice(start).join('\n')
        const isTaken = lines.includes('Address already in use')
        reject(isTaken ? new TakenError(this.port) : new Error(`redis-server ${what}\n${lines}`))
      }
      const late = setTimeout(() => fail(`is not ready after ${patience} ms`), patience)
      const read = (line: string): void => {
        this.#log.push(line)
        if (!line.includes('Ready to accept connections')) return
        clearTimeout(late)
        resolve()
      }
      createInterface(child.stdout).on('line', read)
      createInterface(child.stderr).on('line', read)
      // Unlike 'exit' it comes after the last line.
      child.once('close', () => {
        clearTimeout(late)
        fail('has ended')
      })
    })
  }
}

/** Another process has the port. */
class TakenError extends Error {
  constructor(port: number) {
    super(`port ${port} belongs to another process`)
  }
}
