import type { Random } from '../support/random.ts'
import type { RedisServer } from '../support/redis-server.ts'
import { busFaults } from './bus-faults.ts'
import type { Instance } from './instance.ts'
import { processFaults } from './process-faults.ts'
import { redisFaults } from './redis-faults.ts'
import type { Wire } from './wire.ts'

/** Where faults happen. */
export interface Field {
  readonly server: RedisServer
  /** Between each instance and the server. */
  readonly wires: readonly Wire[]
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
  readonly holds: string
  /** Milliseconds until it is over; 0 for what happens at once. */
  readonly lasts: number
  begin(): Promise<unknown> | void
  end?(): Promise<unknown> | void
}

export type Draw = (random: Random, field: Field) => Fault

const faults = { ...processFaults, ...redisFaults, ...busFaults }

export type FaultName = keyof typeof faults

export const faultNames = Object.keys(faults) as FaultName[]

export function drawFault(name: FaultName, random: Random, field: Field): Fault {
  return faults[name](random, field)
}
