import type { FaultName } from './faults.ts'

/** One mechanism of the package, taken out of a copy of its compiled files. */
export interface Ablation {
  /** What is missing then. */
  readonly without: string
  readonly cuts: readonly Cut[]
  /** A run in which the harness catches it. */
  readonly run: {
    readonly seed: number
    readonly seconds: number
    readonly processes?: number
    readonly staleness?: number
    readonly bound?: number
    readonly mostStale?: number
    readonly faults: readonly FaultName[]
    readonly barrier?: boolean
  }
}

/** A text that stands in a file exactly once, and what stands there instead. */
export interface Cut {
  readonly file: string
  readonly text: string
  readonly instead: string
}

const fragments = 'src/fragments/fragment-cache.js'
const shared = 'src/redis/shared-sequence.js'

export const ablations: Readonly<Record<string, Ablation>> = {
  fence: {
    without:
      'the check, before something is stored, against what was invalidated since its making began',
    cuts: [
      {
        file: 'src/fragments/fragment-finish.js',
        text: 'fallen(sequence.invalidatedBy(render.startSequence, outcome.allDependencies))',
        instead: 'undefined',
      },
      {
        file: 'src/response/store-response.js',
        text: 'const felledBy = sequence.invalidatedBy(startSequence, dependencies);',
        instead: 'const felledBy = undefined;',
      },
      // What Redis holds of it is checked again by whoever reads it: the fence there saves memory.
      {
        file: 'src/redis/scripts/write.js',
        text: "if by then return '!' .. by end",
        instead: '',
      },
    ],
    run: { seed: 1, seconds: 20, faults: [] },
  },
  joins: {
    without: 'the check before and behind the wait for what another reader is making',
    cuts: [
      {
        file: fragments,
        text: 'return isCurrent && sequence.isTrusted(verifiedAt) && !render.needs(scope);',
        instead: 'return !making.needs(scope);',
      },
      {
        file: fragments,
        text: 'const isUsable = outcome?.isShared === true &&',
        instead: 'const isUsable = outcome !== undefined || outcome?.isShared === true &&',
      },
    ],
    run: { seed: 1, seconds: 20, faults: [] },
  },
  'check-at-read': {
    without: 'the check of a value in Redis against the versions',
    cuts: [
      {
        file: 'src/redis/scripts/read.js',
        text: "if stamp < floor or later(stamp, closure, '') then",
        instead: 'if false then',
      },
    ],
    run: { seed: 1, seconds: 30, faults: ['delete-edges'] },
  },
  'check-before-memory': {
    without: 'the check of what Redis answered late, before it comes into memory',
    cuts: [
      {
        file: 'src/redis/l2-store.js',
        text: 'if (sequence.invalidatedBy(startSequence, dependencies) !== undefined)',
        instead: 'if (false)',
      },
    ],
    // Messages are in time here, so nothing may be stale for long.
    run: { seed: 1, seconds: 30, bound: 200, faults: ['command-delay'] },
  },
  'catch-up': {
    without: 'what a heartbeat takes over of the invalidations that were missed',
    cuts: [
      {
        file: shared,
        text: 'this.#catchUp(number, listIn(reply[2]));',
        // It knows how many there were, and not what.
        instead: 'this.#sequence.apply(this.sequenceOf(number), [], false);',
      },
    ],
    run: { seed: 1, seconds: 30, faults: ['bus-cut'] },
  },
  gap: {
    without: 'the new beginning where the log no longer has what was missed',
    cuts: [{ file: shared, text: "this.#renew('log-gap', this.#epoch, number);", instead: '{}' }],
    run: { seed: 1, seconds: 30, faults: ['bus-cut', 'bus-block', 'log-trim', 'delete-log'] },
  },
  bound: {
    without: 'the end of the trust in what is in memory when nothing is heard of Redis',
    cuts: [
      {
        file: 'src/invalidation/sequence.js',
        text: 'if (this.#maxStaleness === Infinity)\n            return true;',
        instead: 'return true;',
      },
    ],
    run: { seed: 1, seconds: 30, faults: ['partition', 'process-stop'] },
  },
  restarts: {
    without:
      'the new epoch when Redis comes back with another life, or with a lower number than was seen',
    cuts: [
      {
        file: 'src/redis/scripts/state.js',
        text: 'if m[2] ~= run then return nil end',
        instead: '',
      },
      {
        file: 'src/redis/scripts/state.js',
        text: 'if epoch and seq and (epoch ~= known or seq >= (whole(highest) or 0)) then return epoch end',
        instead: 'if epoch and seq then return epoch end',
      },
    ],
    run: { seed: 1, seconds: 30, faults: ['redis-rollback'] },
  },
  messages: {
    without: 'the message to the other processes',
    cuts: [
      {
        file: 'src/redis/scripts/invalidate.js',
        text: `redis.call(ARGV[7], ARGV[6], '{"seq":'`,
        instead: `local unsaid = ('{"seq":'`,
      },
    ],
    // Heartbeats bring what messages would have brought, in time for every promise but much later.
    run: { seed: 1, seconds: 12, staleness: 6_000, mostStale: 0.5, faults: [] },
  },
  barrier: {
    without: 'the wait for the other processes',
    cuts: [
      {
        file: 'src/redis/shared-invalidation.js',
        text: 'if (left() > 0) {',
        instead: 'if (false) {',
      },
    ],
    run: { seed: 1, seconds: 20, faults: ['bus-delay'], barrier: true },
  },
  own: {
    without: 'the fall of what is in memory before Redis has confirmed an invalidation',
    cuts: [
      {
        file: 'src/response/cache-state.js',
        text: '? sequence.provisional(dependencies, soft)',
        instead: '? 0',
      },
    ],
    run: { seed: 1, seconds: 30, faults: ['redis-stop', 'command-block'] },
  },
}
