import { nameOf, things } from './site.ts'

export type PromiseKind =
  /** The await returned. */
  | 'awaited'
  /** It rejected as unconfirmed: it holds for the process that invalidated, and for no other. */
  | 'local'
  /** It had rejected, and was confirmed later: nobody waited for other processes then. */
  | 'late'

/** From `at` on, who begins to read sees this version of a thing or a later one. */
export interface Promised {
  readonly thing: number
  readonly version: number
  /** When the await of the invalidation returned, in milliseconds of the common clock. */
  readonly at: number
  /** The life of the process that invalidated. */
  readonly by: string
  readonly how: PromiseKind
}

/** One read of a page or a fragment, as its reader saw it. */
export interface Read {
  /** Before the reader asked. */
  readonly start: number
  /** The life of the process that answered. */
  readonly by: string
  /** Index and version of what it showed, in turns. */
  readonly shown: readonly number[]
}

export interface Bounds {
  /** How long, in milliseconds, another instance may show what was invalidated. */
  readonly bound: number
  /** Nobody may show it at all. */
  readonly barrier: boolean
}

/** A read that broke a promise. */
export interface Violation {
  readonly why: 'beyond the bound' | 'behind the barrier' | 'by the process that invalidated'
  readonly thing: string
  readonly shown: number
  readonly promised: number
  /** Milliseconds between the promise and the beginning of the read. */
  readonly staleness: number
  readonly by: string
  readonly start: number
}

/** So many are shown, each thing and version once for a process; all are counted. */
const mostViolations = 10

/** The oracle: holds every read against the promises that stood when it began. */
export class Judge {
  reads = 0
  /** Reads that showed something older than was promised, however short before. */
  stale = 0
  /** Those of them that broke a bound. */
  beyond = 0
  /** Milliseconds between a promise and the beginning of a read that showed something older, at most. */
  worst = 0
  readonly violations: Violation[] = []
  readonly #bounds: Bounds
  /** By thing, in the order of versions. */
  readonly #promises: Promised[][] = things.map(() => [])
  /** Until when each process has told all of its promises. */
  readonly #told = new Map<string, number>()
  #pending: Read[] = []

  constructor(bounds: Bounds) {
    this.#bounds = bounds
  }

  promise(promised: Promised): void {
    const promises = this.#promises[promised.thing]
    if (promises === undefined) throw new Error(`a promise for the unknown thing ${promised.thing}`)
    // Mostly the newest: several writers may overtake each other by a little.
    let at = promises.length
    while (at > 0 && (promises[at - 1]?.version ?? 0) > promised.version) at--
    promises.splice(at, 0, promised)
  }

  read(read: Read): void {
    this.#pending.push(read)
  }

  /** A process has told every promise that it made until then; Infinity when it has ended. */
  told(by: string, until: number): void {
    this.#told.set(by, until)
  }

  /** Judges the reads that no promise can be missing for. */
  judge(): void {
    const until = Math.min(...this.#told.values())
    const later: Read[] = []
    for (const read of this.#pending) {
      if (read.start < until) this.#judge(read)
      else later.push(read)
    }
    this.#pending = later
  }

  #judge(read: Read): void {
    this.reads++
    let isStale = false
    let breach: Violation | undefined
    for (let at = 0; at < read.shown.length; at += 2) {
      const [thing = -1, version = 0] = [read.shown[at], read.shown[at + 1]]
      for (const promised of this.#broken(read, thing, version)) {
        isStale = true
        const staleness = read.start - promised.at
        this.worst = Math.max(this.worst, staleness)
        const why = this.#breach(staleness, promised, read)
        if (why === undefined || (breach && breach.staleness >= staleness)) continue
        const { by, start } = read
        const named = things[thing]
        breach = {
          why,
          thing: named ? nameOf(named) : String(thing),
          shown: version,
          promised: promised.version,
          staleness,
          by,
          start,
        }
      }
    }
    if (isStale) this.stale++
    if (breach === undefined) return
    this.beyond++
    const isKnown = this.violations.some(
      ({ thing, shown, by }) =>
        thing === breach.thing && shown === breach.shown && by === breach.by,
    )
    if (!isKnown && this.violations.length < mostViolations) this.violations.push(breach)
  }

  /** The promises that stood when the read began, and that it did not keep. */
  #broken(read: Read, thing: number, version: number): Promised[] {
    const promises = this.#promises[thing]
    if (promises === undefined) throw new Error(`a read of the unknown thing ${thing}`)
    const broken: Promised[] = []
    for (let at = promises.length - 1; at >= 0; at--) {
      const promised = promises[at]
      if (promised === undefined || promised.version <= version) break
      const isMeant = promised.how !== 'local' || promised.by === read.by
      if (isMeant && promised.at < read.start) broken.push(promised)
    }
    return broken
  }

  #breach(staleness: number, promised: Promised, read: Read): Violation['why'] | undefined {
    if (promised.by === read.by) return 'by the process that invalidated'
    if (staleness > this.#bounds.bound) return 'beyond the bound'
    return this.#bounds.barrier && promised.how === 'awaited' ? 'behind the barrier' : undefined
  }
}
