import type { Random } from '../support/random.ts'
import type { RedisServer } from '../support/redis-server.ts'
import type { TcpProxy } from '../support/tcp-proxy.ts'
import type { Instance } from './instance.ts'

/** Where faults happen. */
export interface Field {
  readonly server: RedisServer
  /** Between each instance and the server. */
  readonly wires: readonly TcpProxy[]
  /** One for each place; another life may stand there later. */
  readonly instances: readonly Instance[]
  readonly staleness: number
  /** What was published lately. */
  readonly messages: readonly string[]
  /** Puts a new life into a place. */
  restart(place: number): Promise<void>
}

/** One fault, drawn. */
export interface Fault {
  /** What it is, for people. */
  readonly text: string
  /** What only one fault at a time may hold: the server, a process, a connection. */
  readonly holds: readonly string[]
  /** Milliseconds until it is over; 0 for what happens at once. */
  readonly lasts: number
  begin(): Promise<unknown> | void
  end?(): Promise<unknown> | void
}

export type Draw = (random: Random, field: Field) => Fault

/** Milliseconds that a fault lasts: from a fifth of the bound to two and a half times as long. */
export function lasting(random: Random, staleness: number): number {
  return Math.round(staleness * (0.2 + random.next() * 2.3))
}

export function placeIn(random: Random, { instances }: Field): number {
  return random.below(instances.length)
}
