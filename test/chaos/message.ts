import type { DriverSettings, Work } from './drivers/driver.ts'
import type { PromiseKind } from './judge.ts'

/** How an instance is set up, handed over as its argument. */
export interface InstanceSettings extends DriverSettings {
  /** One process from its start to its end: `2.1` is the second life of instance 2. */
  readonly life: string
  readonly driver: 'cacheflow' | 'naive'
  readonly seed: number
  /** Readers side by side. */
  readonly readers: number
  /** Milliseconds that a reader waits between two reads, at most. */
  readonly idle: number
}

/** Another instance, as the one who reads its pages knows it. */
export interface Peer {
  readonly life: string
  readonly port: number
}

/** What an instance is told. */
export type Order =
  | { readonly type: 'peers'; readonly peers: readonly Peer[] }
  /** The versions that were asked for. */
  | { readonly type: 'rows'; readonly id: number; readonly versions: readonly number[] }
  /** The thing has this version in the database now. */
  | { readonly type: 'invalidate'; readonly thing: number; readonly version: number }
  /** Read no more and tell what is left; answer others still. */
  | { readonly type: 'rest' }
  | { readonly type: 'end' }

/** What it tells. */
export type Report =
  | { readonly type: 'ready'; readonly port: number }
  | { readonly type: 'ask'; readonly id: number; readonly things: readonly number[] }
  | Told

/** What has happened since the last time. */
export interface Told {
  readonly type: 'told'
  /** All promises before this moment are told. */
  readonly until: number
  readonly reads: readonly ToldRead[]
  readonly promises: readonly ToldPromise[]
  readonly failures: readonly string[]
  /** The lives that broke off or gave no answer, once for each read. */
  readonly lost: readonly string[]
  /** The longest that a reader waited for this process itself while it was running, in milliseconds. */
  readonly slowest: number
  /** The longest time in which the process did not run, in milliseconds. */
  readonly stall: number
  readonly work: Work
  readonly isConnected: boolean
  /** Invalidations that are under way or not confirmed. */
  readonly open: number
  readonly isLast: boolean
}

/** Start, the life that answered, and what it showed. */
export type ToldRead = readonly [start: number, by: string, shown: readonly number[]]
export type ToldPromise = readonly [thing: number, version: number, at: number, how: PromiseKind]
