import { messageOf, withoutPassword } from '../events/errors.ts'
import { type WarmEntry, type WarmRequest, warmRequest } from './page-request.ts'

/** Entries as they are given: all at once, one after the other, or by a function that is called when it is their turn. */
export type WarmSource =
  | Iterable<WarmEntry>
  | AsyncIterable<WarmEntry>
  | (() => WarmEntries | Promise<WarmEntries>)
export type WarmEntries = Iterable<WarmEntry> | AsyncIterable<WarmEntry>

/** What one worker of a run does next. */
export type WarmTask = { readonly url: string } & (
  | { readonly kind: 'page'; readonly request: WarmRequest }
  /** @returns whether it has added pages to the queue */
  | {
      readonly kind: 'job'
      readonly name: string
      readonly run: (signal: AbortSignal) => Promise<boolean>
    }
  | { readonly kind: 'failed'; readonly reason: string }
)

/** Pages of one route, or a warmer's. */
export interface WarmPart {
  /** What failures name where there is no page, as where its tasks throw: a route's pattern, a warmer's name. */
  readonly name: string
  /** What is higher comes first. */
  readonly priority: number
  tasks(): AsyncIterator<WarmTask> | Iterator<WarmTask>
}

/**
 * What there is to do in one run, in order of priority. Nothing is asked for before it can be done: however many pages there are, only
 * those exist that are being made.
 */
export class WarmQueue {
  readonly #parts: WarmPart[] = []
  #current: { readonly part: WarmPart; readonly tasks: ReturnType<WarmPart['tasks']> } | undefined
  /** Iterators that others have a hand on are asked one after the other. */
  #turn: Promise<unknown> = Promise.resolve()
  readonly #waiting = new Set<(task: WarmTask | undefined) => void>()
  #isClosed = false
  #given = 0
  /** Of these, pages that do not say where visitors see them. */
  #anywhere = 0
  /** All are known. */
  isExhausted = false

  add(part: WarmPart): void {
    const at = this.#parts.findIndex(({ priority }) => priority < part.priority)
    this.#parts.splice(at === -1 ? this.#parts.length : at, 0, part)
    this.isExhausted = false
  }

  /** How many pages have been given out, where those that may be seen anywhere are made for so many origins. */
  pages(origins: number): number {
    return this.#given + this.#anywhere * (origins - 1)
  }

  /** Resolves to undefined when there is nothing more to do. */
  next(): Promise<WarmTask | undefined> {
    const task = this.#turn.then(() => this.#next())
    this.#turn = task
    return new Promise((resolve) => {
      this.#waiting.add(resolve)
      void task.then((found) => {
        this.#waiting.delete(resolve)
        resolve(found)
      })
    })
  }

  /** Whoever waits for a task gets none: those who tell of pages may take for ever to tell of the next one. */
  close(): void {
    this.#isClosed = true
    for (const resolve of this.#waiting) resolve(undefined)
    this.#waiting.clear()
    const open = this.#current
    this.#current = undefined
    // It may be about to find the next one, and need not be waited for.
    void Promise.resolve(open?.tasks.return?.()).catch(() => undefined)
  }

  async #next(): Promise<WarmTask | undefined> {
    for (;;) {
      if (this.#isClosed) return undefined
      this.#current ??= this.#open()
      if (this.#current === undefined) {
        this.isExhausted = true
        return undefined
      }
      const { part, tasks } = this.#current
      try {
        const step = await tasks.next()
        if (step.done !== true) {
          const task = step.value
          this.#given++
          if (task.kind === 'page' && task.request.origin === undefined) this.#anywhere++
          return task
        }
        this.#current = undefined
      } catch (error) {
        this.#current = undefined
        this.#given++
        return { kind: 'failed', url: part.name, reason: withoutPassword(messageOf(error)) }
      }
    }
  }

  #open(): { part: WarmPart; tasks: ReturnType<WarmPart['tasks']> } | undefined {
    const part = this.#parts.shift()
    return part && { part, tasks: part.tasks() }
  }
}

/**
 * The tasks of a source. An entry that stands for no page is a failure.
 *
 * @param patterns the patterns of the route that they are for; none: the route is not known, or there is none
 * @param variants header fields of which each set makes a request of its own
 */
export async function* tasksOf(
  source: WarmSource,
  {
    patterns,
    variants = [{}],
  }: {
    readonly patterns: readonly string[]
    readonly variants?: readonly Readonly<Record<string, string>>[]
  },
): AsyncGenerator<WarmTask, void, undefined> {
  const entries = typeof source === 'function' ? await source() : source
  if (!isEntries(entries)) throw new TypeError('a warmer gives a list, or a generator, of pages')
  for await (const entry of entries) {
    for (const headers of variants) yield* pagesOf(entry, patterns, headers)
  }
}

/** Pages that belong to no route. */
export function partOf(name: string, priority: number, source: WarmSource): WarmPart {
  return { name, priority, tasks: () => tasksOf(source, { patterns: [] }) }
}

/** A middleware may stand on several routes: the page is one of each whose pattern has its parameters. */
function pagesOf(
  entry: WarmEntry,
  patterns: readonly string[],
  headers: Readonly<Record<string, string>>,
): WarmTask[] {
  const found = new Map<string, WarmTask>()
  let failure: WarmTask | undefined
  for (const pattern of patterns.length > 0 ? patterns : [undefined]) {
    try {
      const request = warmRequest(entry, pattern)
      const url = `${request.origin ?? ''}${request.target}`
      const whole = { ...request, headers: { ...headers, ...request.headers } }
      found.set(url, { kind: 'page', url, request: whole })
    } catch (error) {
      failure ??= {
        kind: 'failed',
        url: pattern ?? (typeof entry === 'object' ? 'a page' : withoutPassword(String(entry))),
        reason: withoutPassword(messageOf(error)),
      }
    }
  }
  return found.size === 0 && failure ? [failure] : [...found.values()]
}

/** A text has characters, and no pages. */
export function isEntries(given: unknown): given is WarmEntries {
  return (
    typeof given === 'object' &&
    given !== null &&
    (Symbol.iterator in given || Symbol.asyncIterator in given)
  )
}
