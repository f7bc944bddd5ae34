import type { Terminal } from '../index.ts'

/** Where a command tells what it has found. */
export interface Output {
  readonly terminal: Terminal
  line(text: string): void
  json(value: unknown): void
}

export function outputTo(out: { write(text: string): unknown }, terminal: Terminal): Output {
  return {
    terminal,
    line: (text) => out.write(`${text}\n`),
    json: (value) => out.write(`${JSON.stringify(value, undefined, 2)}\n`),
  }
}
