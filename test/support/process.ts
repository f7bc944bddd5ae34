import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Writable } from 'node:stream'
import { until } from './until.ts'

// It reads `+ pid` and `- pid`, and at the end of its input kills what is left and removes the directory. A stopped
// process dies of SIGKILL, too.
const watch = `owned=' '
while read -r sign pid; do
  case $sign in
    +) owned="$owned$pid " ;;
    -) owned="\${owned%% $pid *} \${owned#* $pid }" ;;
  esac
done
for pid in $owned; do kill -KILL "$pid" 2>/dev/null; done
rm -rf -- "$1"`

interface Watchdog {
  readonly input: Writable
  readonly directory: string
}
let watchdog: Watchdog | undefined

/**
 * One shell per test process. Its input is a pipe that ends with the test process, however that ends: by itself, by an
 * exception, by SIGKILL. In a session of its own it outlives Ctrl-C, to do its work.
 */
function watched(): Watchdog {
  if (watchdog) return watchdog
  const directory = mkdtempSync(join(tmpdir(), 'cacheflow-test-'))
  const shell = spawn('sh', ['-c', watch, 'watchdog', directory], {
    cwd: '/',
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  // Neither keeps the test process alive.
  shell.unref()
  if ('unref' in shell.stdin && typeof shell.stdin.unref === 'function') shell.stdin.unref()
  shell.stdin.on('error', () => undefined)
  // When the tests' runner was killed, this process would live on for as long as a socket of its is open.
  if (process.connected) process.once('disconnect', () => process.exit())
  watchdog = { input: shell.stdin, directory }
  return watchdog
}

/** A directory that is removed when the test process has ended. */
export function temporaryDirectory(): string {
  return watched().directory
}

/** A process that dies with the test process, at the latest. */
export class OwnProcess {
  /** Resolves with `code 0` or `SIGKILL`, when the process has ended. */
  readonly ended: Promise<string>
  readonly #child: ChildProcess
  #ending: string | undefined

  /** Takes the process over. It must have been spawned in this turn of the event loop. */
  constructor(child: ChildProcess) {
    this.#child = child
    const { pid } = child
    if (pid !== undefined) watched().input.write(`+ ${pid}\n`)
    this.ended = new Promise((resolve) => {
      const end = (ending: string): void => {
        if (pid !== undefined) watched().input.write(`- ${pid}\n`)
        this.#ending = ending
        resolve(ending)
      }
      child.once('exit', (code, signal) => end(signal ?? `code ${code}`))
      child.on('error', (error) => {
        if (pid === undefined) end(error.message)
      })
    })
  }

  /** 0 when it could not be started. */
  get pid(): number {
    return this.#child.pid ?? 0
  }

  get hasEnded(): boolean {
    return this.#ending !== undefined
  }

  /** SIGSTOP. Resolves when the process stands still. */
  async pause(): Promise<void> {
    this.#child.kill('SIGSTOP')
    const file = `/proc/${this.pid}/stat`
    // Elsewhere than on Linux nothing tells; there the signal has been sent.
    if (!existsSync('/proc/self/stat')) return
    await until(`process ${this.pid} is stopped`, () => {
      return this.hasEnded || /\) [tTXZ] /.test(readFileSync(file, 'utf8'))
    })
  }

  /** SIGCONT. */
  resume(): void {
    this.#child.kill('SIGCONT')
  }

  /** SIGKILL. Resolves when the process has ended. */
  async kill(): Promise<void> {
    if (!this.hasEnded) this.#child.kill('SIGKILL')
    await this.ended
  }

  /** SIGTERM, also to a paused process, and SIGKILL after `within` milliseconds. Resolves when it has ended. */
  async stop(within = 5_000): Promise<void> {
    if (this.hasEnded) return
    this.#child.kill('SIGTERM')
    this.#child.kill('SIGCONT')
    const late = setTimeout(() => this.#child.kill('SIGKILL'), within)
    await this.ended
    clearTimeout(late)
  }
}
