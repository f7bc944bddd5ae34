import { Random } from '../support/random.ts'
import { RedisServer } from '../support/redis-server.ts'
import { TcpProxy } from '../support/tcp-proxy.ts'
import { until } from '../support/until.ts'
import { ablated, compiled } from './ablated.ts'
import { ablations } from './ablations.ts'
import { BusTap } from './bus-tap.ts'
import { now, pause } from './clock.ts'
import type { Field } from './fault.ts'
import { Instance } from './instance.ts'
import { Judge } from './judge.ts'
import type { InstanceSettings, Told } from './message.ts'
import type { Outcome } from './outcome.ts'
import type { ChaosSettings } from './settings.ts'
import { drawThing, things } from './site.ts'
import { Storm } from './storm.ts'

/** Milliseconds that the instances have to find together again when the faults are over. */
const healing = 15_000
const judgeEvery = 100

/** One run: instances, their database, writes, faults, and the judge of it all. */
export class Chaos {
  readonly #settings: ChaosSettings
  readonly #say: (text: string) => void
  readonly #random: Random
  readonly #judge: Judge
  readonly #versions: number[] = things.map(() => 1)
  readonly #instances: Instance[] = []
  readonly #lives: number[] = []
  readonly #wires: TcpProxy[] = []
  readonly #errors: string[] = []
  /** What each life said last. */
  readonly #told = new Map<string, Told>()
  readonly #sums = {
    writes: 0,
    unconfirmed: 0,
    hits: 0,
    renders: 0,
    refusals: 0,
    lost: 0,
    slowest: 0,
    stall: 0,
  }
  #package = compiled
  #started = 0
  #isWriting = true

  constructor(settings: ChaosSettings, say: (text: string) => void) {
    this.#settings = settings
    this.#say = (text) => say(`${((now() - this.#started) / 1000).toFixed(3).padStart(8)}  ${text}`)
    this.#random = new Random(settings.seed)
    this.#judge = new Judge(settings)
  }

  async run(): Promise<Outcome> {
    const { ablate, embedded } = this.#settings
    const ablation = ablate === undefined ? undefined : ablations[ablate]
    if (ablate !== undefined && ablation) this.#package = await ablated(ablate, ablation)
    if (embedded) return this.#runWith(undefined)
    const server = await RedisServer.start()
    const tap = new BusTap(server.port)
    try {
      return await this.#runWith({ server, tap })
    } finally {
      tap.close()
      await server.stop()
    }
  }

  async #runWith(redis: { server: RedisServer; tap: BusTap } | undefined): Promise<Outcome> {
    const { processes, seconds, seed, faults, staleness } = this.#settings
    const places = Array.from({ length: processes }, (_, place) => place)
    await Promise.all(
      places.map(async (place) => {
        if (redis) this.#wires[place] = await TcpProxy.start(redis.server.port)
        await this.#start(place)
      }),
    )
    this.#started = now()
    const judging = setInterval(() => this.#judge.judge(), judgeEvery)
    const writing = this.#write()
    const end = now() + seconds * 1000
    let storm: Storm | undefined
    if (redis) {
      const field: Field = {
        server: redis.server,
        wires: this.#wires,
        instances: this.#instances,
        staleness,
        messages: redis.tap.messages,
        restart: (place) => this.#start(place),
      }
      storm = new Storm(seed, faults, field, this.#say)
      await storm.rage(end, () => this.#isCaught)
      await storm.calm()
    }
    while (now() < end && !this.#isCaught) await pause(judgeEvery)
    if (!this.#isCaught) await this.#heal(writing)
    this.#isWriting = false
    await writing
    await Promise.all(this.#instances.map((instance) => instance.rest()))
    clearInterval(judging)
    for (const life of this.#told.keys()) this.#judge.told(life, Infinity)
    this.#judge.judge()
    await Promise.all(this.#instances.map((instance) => instance.end()))
    await Promise.all(this.#wires.map((wire) => wire.stop()))
    return this.#outcome(storm)
  }

  get #isCaught(): boolean {
    return this.#settings.untilCaught && (this.#judge.beyond > 0 || this.#errors.length > 0)
  }

  /** Puts a new life into a place. */
  async #start(place: number): Promise<void> {
    const { seed, driver, client, staleness, barrier, readers, idle } = this.#settings
    const number = (this.#lives[place] ?? 0) + 1
    this.#lives[place] = number
    const life = `${place}.${number}`
    const wire = this.#wires[place]
    const settings: InstanceSettings = {
      life,
      driver,
      package: this.#package,
      redis: wire && { port: wire.port, client },
      staleness,
      barrier,
      readers,
      idle,
      seed: seed + place * 1000 + number,
    }
    this.#judge.told(life, now())
    const instance = await Instance.start(settings, {
      rows: (wanted) => wanted.map((thing) => this.#versions[thing] ?? 0),
      told: (by, told) => this.#hear(by, told),
      ended: (by, how) => this.#ended(by, how),
    })
    this.#instances[place] = instance
    // At the very start there are places where nobody stands yet.
    const present = this.#instances.filter((each) => each !== undefined && !each.isGone)
    for (const each of present) each.peers(present.filter((peer) => peer !== each))
  }

  #hear(life: string, told: Told): void {
    this.#told.set(life, told)
    for (const [thing, version, at, how] of told.promises) {
      this.#judge.promise({ thing, version, at, by: life, how })
      if (how === 'local') this.#sums.unconfirmed++
    }
    for (const [start, by, shown] of told.reads) this.#judge.read({ start, by, shown })
    this.#judge.told(life, told.until)
    for (const failure of told.failures) this.#fail(`process ${life}: ${failure}`)
    for (const lost of told.lost) {
      this.#sums.lost++
      // Whoever was not killed owes an answer.
      if (this.#instances.some(({ life: each, isGone }) => each === lost && !isGone))
        this.#fail(`process ${lost} broke off without an answer`)
    }
    this.#sums.hits += told.work.hits
    this.#sums.renders += told.work.renders
    this.#sums.refusals += told.work.refusals
    this.#sums.slowest = Math.max(this.#sums.slowest, told.slowest)
    this.#sums.stall = Math.max(this.#sums.stall, told.stall)
  }

  #ended(life: string, how: string): void {
    this.#told.delete(life)
    this.#judge.told(life, Infinity)
    if (how !== 'as it was told') this.#fail(`process ${life} ended by itself: ${how}`)
  }

  #fail(error: string): void {
    this.#errors.push(error)
    this.#say(error)
  }

  /** The database changes, and one of the instances is told to invalidate what showed the old version. */
  async #write(): Promise<void> {
    const { writes } = this.#settings
    while (this.#isWriting) {
      await pause((-Math.log(1 - this.#random.next()) * 1000) / writes)
      const { index } = drawThing(this.#random)
      const instance = this.#random.one(this.#instances)
      if (instance.isGone) continue
      const version = (this.#versions[index] ?? 0) + 1
      this.#versions[index] = version
      instance.invalidate(index, version)
      this.#sums.writes++
    }
  }

  /** The faults are over: everything is in touch again before long, and shows nothing old any more. */
  async #heal(writing: Promise<void>): Promise<void> {
    this.#say('the faults are over')
    const states = (): Told[] => this.#instances.flatMap(({ life }) => this.#told.get(life) ?? [])
    const areAll = (right: (told: Told) => boolean): boolean =>
      states().length === this.#instances.length && states().every(right)
    try {
      await until('all are in touch again', () => areAll((told) => told.isConnected), healing)
      this.#isWriting = false
      await writing
      await until('every write is confirmed', () => areAll((told) => told.open === 0), healing)
    } catch (error) {
      this.#fail(String(error))
    }
    await pause(this.#settings.staleness + 500)
  }

  #outcome(storm: Storm | undefined): Outcome {
    const { reads, stale, beyond, worst, violations } = this.#judge
    return {
      settings: this.#settings,
      started: this.#started,
      reads,
      stale,
      beyond,
      worst,
      violations,
      ...this.#sums,
      errors: this.#errors,
      faults: Object.fromEntries(storm?.counts ?? []),
    }
  }
}
