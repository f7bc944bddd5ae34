import { parseArgs } from 'node:util'
import { ablations } from './ablations.ts'
import { type FaultName, faultNames } from './faults.ts'

/** One run of the harness. */
export interface ChaosSettings {
  readonly seed: number
  /** How long faults and writes go on; healing and the last reads come on top. */
  readonly seconds: number
  readonly processes: number
  /** `maxStaleness` of the instances, in milliseconds. */
  readonly staleness: number
  /** Milliseconds beyond which a stale read is a violation: the same, if it is not given. */
  readonly bound: number
  /** How many reads of a hundred may be stale at all. */
  readonly mostStale: number
  readonly faults: readonly FaultName[]
  readonly barrier: boolean
  /** The mechanism to switch off. */
  readonly ablate: string | undefined
  readonly driver: 'cacheflow' | 'naive'
  readonly client: 'ioredis' | 'ioredis5'
  /** Readers in each process. */
  readonly readers: number
  /** Milliseconds that a reader waits between two reads, at most. */
  readonly idle: number
  /** Writes a second, in all. */
  readonly writes: number
  /** No Redis: one process. */
  readonly embedded: boolean
  /** Stops at the first violation. */
  readonly untilCaught: boolean
  readonly json: boolean
}

/** The command line: `--seed=7 --seconds=20 --faults=redis-kill,bus-cut --barrier`. `--faults=none` has none. */
export function settingsFrom(args: readonly string[]): ChaosSettings {
  const { values } = parseArgs({
    args: [...args],
    options: {
      seed: { type: 'string' },
      seconds: { type: 'string' },
      processes: { type: 'string' },
      staleness: { type: 'string' },
      bound: { type: 'string' },
      'most-stale': { type: 'string' },
      faults: { type: 'string' },
      barrier: { type: 'boolean' },
      ablate: { type: 'string' },
      whole: { type: 'boolean', default: false },
      driver: { type: 'string', default: 'cacheflow' },
      client: { type: 'string', default: 'ioredis' },
      readers: { type: 'string', default: '6' },
      idle: { type: 'string', default: '12' },
      writes: { type: 'string', default: '20' },
      embedded: { type: 'boolean', default: false },
      'until-caught': { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
    },
  })
  const ablation = values.ablate === undefined ? undefined : ablations[values.ablate]
  if (values.ablate !== undefined && ablation === undefined) {
    throw new Error(`--ablate=${values.ablate} is none of ${Object.keys(ablations).join(', ')}`)
  }
  // An ablation brings the run that catches it; what is given on the command line outranks it.
  const number = (
    name: 'seed' | 'seconds' | 'processes' | 'staleness' | 'bound',
    byDefault: number,
  ): number =>
    values[name] === undefined ? (ablation?.run[name] ?? byDefault) : whole(name, values[name])
  const staleness = number('staleness', 800)
  return {
    seed: number('seed', Math.floor(Math.random() * 1e9)),
    seconds: number('seconds', 20),
    processes: values.embedded ? 1 : number('processes', 3),
    staleness,
    bound: number('bound', staleness),
    mostStale: Number(values['most-stale'] ?? ablation?.run.mostStale ?? 100),
    faults:
      values.faults === undefined
        ? (ablation?.run.faults ?? (values.embedded ? [] : faultNames))
        : faultsIn(values.faults),
    barrier: values.barrier ?? ablation?.run.barrier ?? false,
    // The same run of the whole package, for comparison.
    ablate: values.whole ? undefined : values.ablate,
    driver: one('driver', values.driver, ['cacheflow', 'naive']),
    client: one('client', values.client, ['ioredis', 'ioredis5']),
    readers: whole('readers', values.readers),
    idle: whole('idle', values.idle),
    writes: whole('writes', values.writes),
    embedded: values.embedded,
    untilCaught: values['until-caught'] || ablation !== undefined,
    json: values.json,
  }
}

function whole(name: string, given: string): number {
  if (/^\d+$/.test(given)) return Number(given)
  throw new Error(`--${name}=${given} is no whole number`)
}

function one<Name extends string>(name: string, given: string, names: readonly Name[]): Name {
  const found = names.find((each) => each === given)
  if (found !== undefined) return found
  throw new Error(`--${name}=${given} is none of ${names.join(', ')}`)
}

function faultsIn(given: string): FaultName[] {
  if (given === 'none') return []
  return given.split(',').map((name) => one('faults', name, faultNames))
}
