import type { WarmProgress } from '../flow/warm-report.ts'

/** Where it is drawn: stderr, so that the report alone goes on through a pipe. */
export interface Terminal {
  readonly isTTY?: boolean | undefined
  readonly columns?: number | undefined
  write(text: string): unknown
}

/** How often it is drawn anew at most, milliseconds. */
const interval = 100
const width = 20

/** A line that tells how far a run is, where somebody sees it. */
export class ProgressBar {
  readonly #terminal: Terminal
  #drawnAt = -Infinity

  constructor(terminal: Terminal) {
    this.#terminal = terminal
  }

  draw({ done, failures, total, url }: WarmProgress): void {
    const now = performance.now()
    if (this.#terminal.isTTY !== true) return
    if (now - this.#drawnAt < interval && done !== total) return
    this.#drawnAt = now
    const share = total === undefined ? undefined : Math.round((done / total) * width)
    const bar = share === undefined ? '' : `[${'#'.repeat(share).padEnd(width, '.')}] `
    const count = total === undefined ? `${done}` : `${done}/${total}`
    const failed = failures > 0 ? `, ${failures} failed` : ''
    // What a page is called may hold anything, and must not steer a terminal.
    const shown = url.replaceAll(/[^ -~]/g, '?')
    const line = `${bar}${count}${failed} ${shown}`.slice(0, (this.#terminal.columns ?? 80) - 1)
    this.#terminal.write(`\r\u001B[2K${line}`)
  }

  clear(): void {
    if (this.#terminal.isTTY === true && this.#drawnAt > 0) this.#terminal.write('\r\u001B[2K')
  }
}
