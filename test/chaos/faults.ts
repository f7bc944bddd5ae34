import type { Random } from '../support/random.ts'
import { busFaults } from './bus-faults.ts'
import type { Fault, Field } from './fault.ts'
import { processFaults } from './process-faults.ts'
import { redisFaults } from './redis-faults.ts'

const faults = { ...processFaults, ...redisFaults, ...busFaults }

export type FaultName = keyof typeof faults

export const faultNames = Object.keys(faults) as FaultName[]

export function drawFault(name: FaultName, random: Random, field: Field): Fault {
  return faults[name](random, field)
}
