import type { ReadTracker } from '../../request/read-tracker.ts'
import {
  type PassThrough,
  type Logger,
  fileReading,
  isFunctionReading,
  type KnownReaders,
  loggerReading,
} from './reader.ts'

type Below = (...args: never[]) => unknown
type Read = () => void

/**
 * The reads of a request that were made to put something on it: they wait until it is there, and are dropped. What is not
 * there when the response is judged was taken elsewhere, and its reads count.
 */
export class Errand {
  #carrier: PassThrough | undefined
  #file = ''
  #isReading = false
  readonly #reads: Read[] = []
  /** A carrier that goes through the jar which it has set, and how many names it has yet to ask for. */
  #walked: PassThrough | undefined
  #left = 0
  readonly #noted = new Map<string, Read>()

  /** A carrier asks for what is not there yet. @returns false where somebody else asks */
  begin(carriers: readonly PassThrough[], name: string, below: Below): boolean {
    for (const passThrough of carriers) {
      if (passThrough.begins !== name) continue
      const file = fileReading(passThrough.package, below)
      if (file === undefined) continue
      this.#carrier = passThrough
      this.#file = file
      this.#isReading = true
      // What an earlier errand has read and not brought stays suspended.
      this.#reads.length = 0
      return true
    }
    return false
  }

  /** @returns false where the read is not the carrier's: then it counts at once */
  suspends(observation: ReadTracker, below: Below, read: Read): boolean {
    const passThrough = observation.isSealed ? undefined : this.#carrier
    if (!passThrough || !this.#isReading || fileReading(passThrough.package, below) === undefined)
      return false
    this.#reads.push(read)
    observation.suspend(read)
    return true
  }

  /** A property of this request has been set. */
  set(name: string, request: object, observation: ReadTracker): void {
    this.#left = 0
    const passThrough = this.#carrier
    if (!passThrough) return
    if (name === passThrough.until) this.#isReading = false
    if (name !== passThrough.keeps) return
    this.#carrier = undefined
    this.#walked = passThrough
    if (passThrough.isKept?.(request, this.#file) === false) return
    for (const read of this.#reads) observation.drop(read)
    this.#reads.length = 0
  }

  /** Does the carrier itself go through the jar that it has just set? */
  walks(names: number, below: Below): boolean {
    const passThrough = this.#walked
    if (passThrough?.walker === undefined) return false
    if (!isFunctionReading(passThrough.package, passThrough.walker, below)) return false
    this.#left = names
    return true
  }

  get isWalking(): boolean {
    return this.#left > 0
  }

  /** Is this one of the names that the carrier asks for as it goes through the jar? */
  isStep(): boolean {
    if (this.#left === 0) return false
    this.#left--
    return true
  }

  /** @returns false where no logger reads: then the read counts at once */
  excusesLogger(
    readers: KnownReaders,
    observation: ReadTracker,
    name: string,
    below: Below,
    read: Read,
  ): boolean {
    if (readers.loggers.length === 0 || observation.isSealed) return false
    const reading = loggerReading(readers, below)
    if (!reading) return false
    if (reading.isWriting) return true
    // Told twice of one thing, it has not kept the first.
    if (this.#noted.has(name)) this.#noted.clear()
    this.#noted.set(name, read)
    observation.suspend(read)
    return true
  }

  /** A logger has what it noted where it keeps it. */
  keepNoted(loggers: readonly Logger[], name: string, observation: ReadTracker): void {
    if (!loggers.some(({ keeps }) => keeps === name)) return
    for (const read of this.#noted.values()) observation.drop(read)
    this.#noted.clear()
  }
}
