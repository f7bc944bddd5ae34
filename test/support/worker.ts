import { type ChildProcess, fork } from 'node:child_process'
import { OwnProcess } from './process.ts'

/** What a worker sends: that it is ready, or the answer to a call. */
interface Answer {
  readonly id: number | 'ready'
  readonly result?: unknown
  readonly error?: { readonly message: string; readonly code?: unknown }
}

interface Caller {
  resolve(result: unknown): void
  reject(error: Error): void
}

/** What a call in a worker threw. */
export class CallError extends Error {
  /** The `code` of the error in the worker. */
  readonly code: unknown

  constructor(message: string, code: unknown) {
    super(message)
    this.code = code
  }
}

/**
 * A Node process of its own that runs a script (JavaScript, with `answerCalls` of worker-calls.js) and does what it is
 * asked to. It dies with the test process. `await using worker = await Worker.start(file)` kills it at the end of the
 * block.
 */
export class Worker {
  readonly #child: ChildProcess
  readonly #process: OwnProcess
  readonly #callers = new Map<Answer['id'], Caller>()
  #calls = 0
  #output = ''

  private constructor(child: ChildProcess) {
    this.#child = child
    this.#process = new OwnProcess(child)
    child.on('message', (answer) => this.#settle(answer as Answer))
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => (this.#output += text))
    }
    // Unlike 'exit' it comes after the last line of its output and its last answer.
    child.once('close', () => this.#abandon())
  }

  /** Resolves when the script has called `answerCalls`. `args` are its `process.argv.slice(2)`. */
  static async start(script: string | URL, args: readonly string[] = []): Promise<Worker> {
    const child = fork(script, args, { serialization: 'advanced', silent: true, execArgv: [] })
    const worker = new Worker(child)
    await worker.#expect('ready')
    return worker
  }

  get pid(): number {
    return this.#process.pid
  }

  get isRunning(): boolean {
    return !this.#process.hasEnded
  }

  /** What it wrote to stdout and stderr. */
  get output(): string {
    return this.#output
  }

  /**
   * Runs one of the script's calls. Arguments and results are copied as by `structuredClone`.
   * @throws CallError when the call throws, and an error when the worker ends before it has answered
   */
  async call<Result = unknown>(name: string, ...args: unknown[]): Promise<Result> {
    if (!this.isRunning) throw new Error(`worker ${this.pid} has ended`)
    const id = ++this.#calls
    const answer = this.#expect(id)
    this.#child.send({ id, name, args }, (error) => {
      if (error) this.#settle({ id, error: { message: error.message } })
    })
    return (await answer) as Result
  }

  /** SIGSTOP: its connections stay open, its clocks go on. Calls are answered after `resume`. */
  async pause(): Promise<void> {
    await this.#process.pause()
  }

  /** SIGCONT. */
  resume(): void {
    this.#process.resume()
  }

  /** SIGKILL, paused or not. */
  async kill(): Promise<void> {
    await this.#process.kill()
  }

  /** SIGTERM. */
  async stop(): Promise<void> {
    await this.#process.stop()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill()
  }

  #expect(id: Answer['id']): Promise<unknown> {
    return new Promise((resolve, reject) => this.#callers.set(id, { resolve, reject }))
  }

  #settle({ id, result, error }: Answer): void {
    const caller = this.#callers.get(id)
    this.#callers.delete(id)
    if (error) caller?.reject(new CallError(error.message, error.code))
    else caller?.resolve(result)
  }

  #abandon(): void {
    for (const caller of this.#callers.values()) {
      caller.reject(new Error(`worker ${this.pid} has ended without an answer\n${this.#output}`))
    }
    this.#callers.clear()
  }
}
