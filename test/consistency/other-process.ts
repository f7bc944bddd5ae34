import type { InvalidateOptions, InvalidationReceipt, InvalidationTarget } from 'cacheflow'
import { builtPackage } from '../support/built-package.ts'
import { until } from '../support/until.ts'
import { Worker } from '../support/worker.ts'

const script = new URL('./workers/instance.js', import.meta.url)

/** An instance in a process of its own, which a test can stop and kill. */
export class OtherProcess {
  readonly #worker: Worker

  private constructor(worker: Worker) {
    this.#worker = worker
  }

  /** Resolves when it is connected. @param maxStaleness milliseconds */
  static async start(port: number, maxStaleness: number): Promise<OtherProcess> {
    const args = [await builtPackage(), String(port), String(maxStaleness)]
    const other = new OtherProcess(await Worker.start(script, args))
    await until('the process is connected', async () => (await other.status()).connected)
    return other
  }

  status(): Promise<{ connected: boolean; applied: number; instance: string }> {
    return this.#worker.call('status')
  }

  /** @param text what the body gives, if it runs */
  show(name: string, text: string): Promise<string> {
    return this.#worker.call('show', name, text)
  }

  invalidate(
    target: InvalidationTarget,
    options: InvalidateOptions = {},
  ): Promise<InvalidationReceipt> {
    return this.#worker.call('invalidate', target, options)
  }

  /** How often its page was rendered. */
  runs(): Promise<number> {
    return this.#worker.call('runs')
  }

  /** From now on its page is not finished. */
  async holdUp(): Promise<void> {
    await this.#worker.call('holdUp')
  }

  /** @returns the port of its application */
  listen(): Promise<number> {
    return this.#worker.call('listen')
  }

  /** SIGSTOP. */
  pause(): Promise<void> {
    return this.#worker.pause()
  }

  /** SIGCONT. */
  resume(): void {
    this.#worker.resume()
  }

  /** SIGKILL. */
  kill(): Promise<void> {
    return this.#worker.kill()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill()
  }
}
