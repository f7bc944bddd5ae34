import { randomBytes } from 'node:crypto'
import { type RedisConnection, script } from './connection.ts'
import type { RedisKeys } from './keys.ts'
import { listIn, numberIn, textIn } from './reply.ts'
import { hot } from './scripts/hot.ts'
import { warm } from './scripts/warm.ts'

const warmScript = script(warm)
const hotScript = script(hot)

/** Who is to warm. */
export type WarmClaim =
  /** Whoever asked. */
  | { readonly kind: 'lead' }
  /** Another instance, which has to say so again within so many milliseconds. */
  | { readonly kind: 'wait'; readonly run: string; readonly milliseconds: number }
  /** Nobody: the run that was waited for has ended, with this report. */
  | { readonly kind: 'done'; readonly by: string; readonly report: string }

/** For how long others may ask how a run ended, milliseconds. */
const remembered = 60_000

/** What heat is multiplied with each time that an instance tells of more: yesterday's pages give way to today's. */
const fading = 0.98

/** One instance warms for all, by what all of them know. */
export class WarmLease {
  readonly #connection: RedisConnection
  readonly #keys: RedisKeys
  readonly #id: string
  /** How long it lasts if it is not renewed, milliseconds. */
  readonly time: number

  constructor(connection: RedisConnection, keys: RedisKeys, id: string, time: number) {
    this.#connection = connection
    this.#keys = keys
    this.#id = id
    this.time = time
  }

  /** The name of a run, which tells others whether it makes anew what is fresh. */
  newRun(isForced: boolean): string {
    return `${isForced ? '!' : ''}${randomBytes(9).toString('base64url')}`
  }

  isForced(run: string): boolean {
    return run.startsWith('!')
  }

  /**
   * @param name what is warmed
   * @param run the run that begins if nobody else warms
   * @param waited the run that was waited for until now
   * @throws RedisUnavailable
   */
  async claim(name: string, run: string, waited: string): Promise<WarmClaim> {
    const [kind, first, second] = await this.#ask(name, 'claim', run, this.time, waited)
    switch (textIn(kind)) {
      case 'wait':
        return { kind: 'wait', run: textIn(first), milliseconds: numberIn(second) }
      case 'done':
        return { kind: 'done', by: textIn(first), report: textIn(second) }
      default:
        return { kind: 'lead' }
    }
  }

  /** @throws RedisUnavailable */
  async renew(name: string, run: string): Promise<void> {
    await this.#ask(name, 'renew', run, this.time, '')
  }

  /** @throws RedisUnavailable */
  async finish(name: string, run: string, report: string): Promise<void> {
    await this.#ask(name, 'finish', run, remembered, report)
  }

  /** It is left undone, for another one to do. @throws RedisUnavailable */
  async release(name: string, run: string): Promise<void> {
    await this.#ask(name, 'renew', run, 1, '')
  }

  /**
   * Tells what is asked for, and hears what is asked for most by the visitors of all.
   *
   * @param most how many are kept
   * @param news heat, and a page as text
   * @throws RedisUnavailable
   */
  async hottest(
    most: number,
    news: readonly (readonly [heat: number, page: string])[],
  ): Promise<string[]> {
    const { prefix, versions } = this.#keys
    const given = [prefix, most, fading, ...news.flat()]
    return listIn(await this.#connection.run(hotScript, versions, given)).map(textIn)
  }

  async #ask(
    name: string,
    what: string,
    run: string,
    milliseconds: number,
    last: string,
  ): Promise<readonly unknown[]> {
    const { prefix, versions } = this.#keys
    const given = [prefix, name, what, this.#id, run, Math.ceil(milliseconds), last]
    return listIn(await this.#connection.run(warmScript, versions, given))
  }
}
