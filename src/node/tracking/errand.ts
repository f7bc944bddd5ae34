import type { Observation } from '../../request/read-tracker.ts'
import {
  type Carrier,
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
  #carrier: Carrier | undefined
  #file = ''
  #isReading = false
  readonly #reads: Read[] = []
  /** A carrier that goes through the jar which it has set, and how many names it has yet to ask for. */
  #walked: Carrier | undefined
  #left = 0
  readonly #noted = new Map<string, Read>()

  /** A carrier asks for what is not there yet. @returns false where somebody else asks */
  begin(carriers: readonly Carrier[], name: string, below: Below): boolean {
    for (const carrier of carriers) {
      if (carrier.begins !== name) continue
      const file = fileReading(carrier.package, below)
      if (file === undefined) continue
      this.#carrier = carrier
      this.#file = file
      this.#isReading = true
      // What an earlier errand has read and not brought stays suspended.
      this.#reads.length = 0
      return true
    }
    return false
  }

  /** @returns false where the read is not the carrier's: then it counts at once */
  suspends(observation: Observation, below: Below, read: Read): boolean {
    const carrier = observation.isSealed ? undefined : this.#carrier
    if (!carrier || !this.#isReading || fileReading(carrier.package, below) === undefined)
      return false
    this.#reads.push(read)
    observation.suspend(read)
    return true
  }

  /** A property of this request has been set. */
  set(name: string, request: object, observation: Observation): void {
    this.#left = 0
    const carrier = this.#carrier
    if (!carrier) return
    if (name === carrier.until) this.#isReading = false
    if (name !== carrier.keeps) return
    this.#carrier = undefined
    this.#walked = carrier
    if (carrier.isKept?.(request, this.#file) === false) return
    for (const read of this.#reads) observation.drop(read)
    this.#reads.length = 0
  }

  /** Does the carrier itself go through the jar that it has just set? */
  walks(names: number, below: Below): boolean {
    const carrier = this.#walked
    if (carrier?.walker === undefined) return false
    if (!isFunctionReading(carrier.package, carrier.walker, below)) return false
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
    observation: Observation,
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
  keepNoted(loggers: readonly Logger[], name: string, observation: Observation): void {
    if (!loggers.some(({ keeps }) => keeps === name)) return
    for (const read of this.#noted.values()) observation.drop(read)
    this.#noted.clear()
  }
}
