import { fail } from '../events/errors.ts'
import type { Confirmation } from './confirmation.ts'
import type { Dependency } from '../invalidation/dependency.ts'
import type { Message } from './channel.ts'
import type { SharedSequence } from './shared-sequence.ts'
import type { Softness } from '../invalidation/soft.ts'

export interface SharedInvalidationOptions {
  readonly shared: SharedSequence
  /** Carries out what must reach Redis although the cache may be closed. */
  readonly keep: <Result>(run: () => Promise<Result>) => Promise<Result>
  /** How long the first connection may take before an invalidation counts as unconfirmed, milliseconds. */
  readonly timeout: number
  /** Told when an invalidation could not be confirmed, and when it was at last. */
  readonly onUnconfirmed: (
    dependencies: readonly Dependency[] | 'all',
    isConfirmed: boolean,
    error: unknown,
  ) => void
}

/** How many dependencies wait for their confirmation; of more of them everything is invalidated. */
const MAX_UNCONFIRMED = 10_000

/** How many confirmations of one number, and of how many numbers, a barrier holds: instances are fewer. */
const MAX_ACKNOWLEDGED = 10_000

/** What became of an invalidation that all instances share. */
export interface Shared extends Confirmation {
  /** The other instances that have confirmed. */
  readonly confirmedBy: readonly string[]
}

/** An invalidation that this process has applied, and of which Redis has not told the number yet. */
interface Pending {
  readonly dependencies: readonly Dependency[] | 'all'
  readonly soft: Softness
}

interface Barrier {
  readonly acknowledged: Map<string, Set<string>>
  settle: () => void
}

/** Invalidations on their way to Redis: confirmed by it, by every instance where that is asked for, or tried again until they are. */
export class SharedInvalidation {
  readonly #options: SharedInvalidationOptions
  readonly #unconfirmed = { hard: new Set<Dependency>(), soft: new Set<Dependency>() }
  readonly #all = { hard: false, soft: false }
  /** The shortest spread of the soft ones: nothing may stay longer than it was said of any of them. */
  #over = Infinity
  readonly #barriers = new Set<Barrier>()
  readonly #sent = new Set<Pending>()
  #retried: Pending | undefined
  #isRetrying = false

  constructor(options: SharedInvalidationOptions) {
    this.#options = options
  }

  /** How many dependencies wait for a confirmation; all of them count as one. */
  get unconfirmed(): number {
    const { hard, soft } = this.#unconfirmed
    const { dependencies = [] } = this.#retried ?? {}
    const retried = dependencies === 'all' ? 1 : dependencies.length
    return hard.size + soft.size + Number(this.#all.hard) + Number(this.#all.soft) + retried
  }

  /**
   * What Redis has of this closure may be older than an invalidation of this process that Redis does not know of, whatever
   * number it says: only a number behind that invalidation could tell.
   */
  pendingOf(closure: readonly Dependency[]): 'hard' | 'soft' | undefined {
    if (this.#sent.size === 0 && this.unconfirmed === 0) return undefined
    for (const kind of ['hard', 'soft'] as const) {
      const waiting = this.#unconfirmed[kind]
      if (this.#all[kind] || closure.some((each) => waiting.has(each))) return kind
      for (const { dependencies, soft } of this.#sent) {
        if ((soft !== false) !== (kind === 'soft')) continue
        if (dependencies === 'all' || dependencies.some((each) => closure.includes(each)))
          return kind
      }
    }
    return undefined
  }

  /**
   * Carries out an invalidation that this process has applied already.
   *
   * @param waits until every instance that is alive has confirmed, or can no longer serve what it holds
   * @throws CacheflowError `ERR_CACHEFLOW_UNCONFIRMED`
   */
  carryOut(
    dependencies: readonly Dependency[] | 'all',
    soft: Softness,
    waits: boolean,
  ): Promise<Shared> {
    return this.#options.keep(() => this.#carryOut(dependencies, soft, waits))
  }

  async #carryOut(
    dependencies: readonly Dependency[] | 'all',
    soft: Softness,
    waits: boolean,
  ): Promise<Shared> {
    const { shared, timeout: patience, onUnconfirmed } = this.#options
    const barrier: Barrier = { acknowledged: new Map(), settle: () => undefined }
    if (waits) this.#barriers.add(barrier)
    const pending: Pending = { dependencies, soft }
    this.#sent.add(pending)
    try {
      if (shared.epoch === undefined) await within(patience, shared.joined)
      let confirmation: Confirmation
      try {
        confirmation = await shared.confirm(dependencies, soft, waits)
      } catch (cause) {
        this.#keep(dependencies, soft)
        onUnconfirmed(dependencies, false, cause)
        const given = dependencies === 'all' ? 'all' : dependencies.join(', ')
        throw fail('ERR_CACHEFLOW_UNCONFIRMED', given, 'invalidate()', { cause })
      } finally {
        this.#sent.delete(pending)
      }
      return {
        ...confirmation,
        confirmedBy: waits ? await this.#passed(barrier, confirmation) : [],
      }
    } finally {
      this.#barriers.delete(barrier)
    }
  }

  acknowledged({ epoch, number, origin }: Extract<Message, { kind: 'acknowledgement' }>): void {
    const name = `${epoch} ${number}`
    for (const { acknowledged, settle } of this.#barriers) {
      const known = acknowledged.get(name) ?? new Set()
      if (known.size >= MAX_ACKNOWLEDGED || acknowledged.size >= MAX_ACKNOWLEDGED) continue
      acknowledged.set(name, known.add(origin))
      settle()
    }
  }

  /** Tries again what was not confirmed; called whenever Redis has answered. */
  retry(): void {
    if (this.unconfirmed === 0 || this.#isRetrying) return
    this.#isRetrying = true
    const done = (): void => {
      this.#isRetrying = false
    }
    this.#options.keep(() => this.#retry()).then(done, done)
  }

  async #retry(): Promise<void> {
    const { shared, onUnconfirmed } = this.#options
    for (const kind of ['hard', 'soft'] as const) {
      const dependencies = this.#all[kind] ? 'all' : [...this.#unconfirmed[kind]]
      if (dependencies.length === 0) continue
      // What fails meanwhile waits anew.
      this.#all[kind] = false
      this.#unconfirmed[kind].clear()
      const soft = kind === 'soft' && this.#softness()
      this.#retried = { dependencies, soft }
      this.#sent.add(this.#retried)
      try {
        await shared.confirm(dependencies, soft, false)
      } catch {
        // The next heartbeat tries again.
        this.#keep(dependencies, soft)
        return
      } finally {
        this.#sent.delete(this.#retried)
        this.#retried = undefined
      }
      onUnconfirmed(dependencies, true, undefined)
    }
  }

  #softness(): Softness {
    const over = this.#over
    this.#over = Infinity
    return over === 0 || { at: 0, over }
  }

  #keep(dependencies: readonly Dependency[] | 'all', soft: Softness): void {
    const kind = soft === false ? 'hard' : 'soft'
    if (soft !== false) this.#over = Math.min(this.#over, soft === true ? 0 : soft.over)
    const waiting = this.#unconfirmed[kind]
    if (dependencies !== 'all') {
      for (const dependency of dependencies) waiting.add(dependency)
    }
    if (dependencies !== 'all' && waiting.size <= MAX_UNCONFIRMED) return
    this.#all[kind] = true
    waiting.clear()
  }

  /** Waits for every other instance until it has confirmed, or has stopped to serve what it holds. */
  async #passed(barrier: Barrier, confirmation: Confirmation): Promise<readonly string[]> {
    const { others, unknownUntil, epoch, number } = confirmation
    const name = `${epoch} ${number}`
    const left = (): number => {
      const confirmed = barrier.acknowledged.get(name)
      let end = unknownUntil
      for (const [id, until] of others) {
        if (confirmed?.has(id) !== true) end = Math.max(end, until)
      }
      return end - performance.now()
    }
    if (left() > 0) {
      await new Promise<void>((resolve) => {
        let timer: NodeJS.Timeout | undefined
        // A timer counts from the beginning of a turn of the event loop, and is early by as long as that turn has taken.
        const rest = (): void => {
          clearTimeout(timer)
          const milliseconds = left()
          if (milliseconds > 0) timer = setTimeout(rest, Math.ceil(milliseconds))
          else resolve()
        }
        rest()
        barrier.settle = rest
      })
    }
    return [...(barrier.acknowledged.get(name) ?? [])]
  }
}

async function within(milliseconds: number, wait: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const timeout = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, milliseconds)
  })
  await Promise.race([wait, timeout])
  clearTimeout(timer)
}
