import type { Express, Request } from 'express'
import type { Thing } from '../site.ts'

/** What a fragment is made of, and what else it falls with. */
export interface Made {
  readonly of: Thing
  /** The version of the record, where it was read before the fragment. */
  readonly version?: number
  readonly also?: readonly Thing[]
}

/** What a driver did since it was asked last. */
export interface Work {
  /** Responses and fragments that were shown without their body running. */
  hits: number
  /** Bodies that ran. */
  renders: number
  /** What was made and not stored, because something it was made from had been invalidated meanwhile. */
  refusals: number
}

/** One cache in one process. The harness says what is made of what; how that is kept is the driver's business. */
export interface Driver {
  /** Before the application's pages. */
  mount(app: Express): void
  /** Outermost of what is made outside of a request. */
  job(run: () => Promise<string>): Promise<string>
  /** Shows a fragment, and runs its body where it has to be made. Fragments within the body are enclosed. */
  show(name: string, made: Made, body: () => Promise<string>): Promise<string>
  /** Puts a cached page into the application. */
  page(
    app: Express,
    pattern: string,
    also: readonly Thing[],
    render: (request: Request) => Promise<string>,
  ): void
  /**
   * Resolves when no other process shows the thing's older versions any longer than it has promised.
   *
   * @throws Unconfirmed when that is not certain yet; the driver goes on until it is
   */
  invalidate(thing: Thing): Promise<void>
  /** How many invalidations are not confirmed yet. */
  unconfirmed(): number
  /** Is it in touch with the other processes? */
  isConnected(): boolean
  takeWork(): Work
  close(): Promise<void>
}

/** An invalidation that holds in this process only, so far. */
export class Unconfirmed extends Error {}

/** How a driver is set up. */
export interface DriverSettings {
  /** The folder of the compiled package. */
  readonly package: string
  /** undefined: there is one process, and no Redis. */
  readonly redis: { readonly port: number; readonly client: 'ioredis' | 'ioredis5' } | undefined
  /** Milliseconds. */
  readonly staleness: number
  readonly barrier: boolean
}

export function noWork(): Work {
  return { hits: 0, renders: 0, refusals: 0 }
}
