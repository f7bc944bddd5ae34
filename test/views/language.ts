import type { Express } from 'express'
import type { Part } from './part.ts'

/** One template engine: how templates are written for it, and how an application uses it. */
export interface Language {
  readonly name: string
  readonly extension: string
  /** @param rows what it sees, where it is included */
  write(parts: readonly Part[], rows?: readonly string[]): string
  /** A page within a layout. */
  layout(page: string): { readonly page: string; readonly layout: string }
  /** The engine as the guide sets it up; `plain` without anything of ours. */
  open(folder: string, isPlain: boolean): Opened
}

export interface Opened {
  mount(app: Express): void
  render(view: string, locals: object): string | Promise<string>
  /** As `render`, where that gives its text at once: in a way that may wait for what Redis has. */
  readonly late?: (view: string, locals: object) => Promise<string>
}
