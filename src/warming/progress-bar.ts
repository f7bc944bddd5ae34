import type { WarmProgress } from '../events/warm-progress.ts'

/** Where a bar is drawn: `process.stderr`, or what is like it. */
export interface Terminal {
  /** Only then somebody sees it. */
  readonly isTTY?: boolean | undefined
  /** How wide it is. Default 80. */
  readonly columns?: number | undefined
  write(text: string): unknown
}

/** How often it is drawn anew at most, milliseconds. */
const interval = 100
const width = 20
const emptyLine = '\r\u001B[2K'

/**
 * A bar that tells in one line how far a run of warmers is, and is gone when that has ended. Where the terminal is none, in a log or a pipe,
 * nothing is written.
 *
 *   await cache.warm(app, { onProgress: progressBar() })
 *   cache.on('progress', progressBar())   // all runs, those of `warming.every` and its like too
 *
 * @param terminal Default `process.stderr`, so that what goes to stdout may go on through a pipe.
 */
export function progressBar(terminal: Terminal = process.stderr): (progress: WarmProgress) => void {
  let drawnAt = -Infinity
  return (progress) => {
    if (terminal.isTTY !== true) return
    if (progress.outcome !== undefined) {
      if (drawnAt !== -Infinity) terminal.write(emptyLine)
      drawnAt = -Infinity
      return
    }
    const now = performance.now()
    if (now - drawnAt < interval) return
    drawnAt = now
    // Some terminals do not know, and say 0.
    const { columns = 0 } = terminal
    terminal.write(emptyLine + lineOf(progress).slice(0, (columns > 0 ? columns : 80) - 1))
  }
}

function lineOf({ done, failures, total, url }: WarmProgress): string {
  // As long as nobody knows how many there are, it only shows that it goes on.
  const bar =
    total === undefined
      ? '#'.padStart((done % width) + 1, '.')
      : '#'.repeat(Math.round((done / total) * width))
  const count = total === undefined ? `${done}` : `${done}/${total}`
  const failed = failures > 0 ? `, ${failures} failed` : ''
  // What a page is called may hold anything, and must not steer a terminal.
  return `[${bar.padEnd(width, '.')}] ${count}${failed} ${url.replaceAll(/[^ -~]/g, '?')}`
}
