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
    line: (text) => out.write(`${printable(text).replaceAll('\n', '?')}\n`),
    json: (value) => out.write(`${escaped(JSON.stringify(value, undefined, 2))}\n`),
  }
}

/** What pages and keys are called may hold anything, and must not steer a terminal. */
export function printable(text: string): string {
  return text.replaceAll(/[^\n\P{Cc}]/gu, '?')
}

/** JSON leaves some of these as they are. */
function escaped(json: string): string {
  return json.replaceAll(
    /[\u007F-\u009F]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}
