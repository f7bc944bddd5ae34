import { createHash } from 'node:crypto'

export type Argument = string | Buffer | number

/**
 * What is asked of a client of Redis. `Redis` and `Cluster` of ioredis 5 and 6 fit as they are; the cache never uses the one that it is given
 * but by `duplicate`, so that its own connections have their own settings.
 */
export interface RedisClient {
  readonly status: string
  readonly isCluster: boolean
  readonly options: object
  callBuffer(...given: [command: string, ...rest: Argument[]]): Promise<unknown>
  subscribe(channel: string): Promise<unknown>
  ssubscribe(channel: string): Promise<unknown>
  connect(): Promise<void>
  disconnect(): void
  duplicate(...given: unknown[]): RedisClient
  on(event: string, listener: (...given: unknown[]) => void): unknown
}

/** A script with the name that the server keeps it under. */
export interface Script {
  readonly source: string
  readonly digest: string
}

export function script(source: string): Script {
  return { source, digest: createHash('sha1').update(source).digest('hex') }
}

export interface RedisConnectionOptions {
  /** Milliseconds; what takes longer counts as failed. */
  readonly commandTimeout: number
  /** What messages come on. */
  readonly channels: readonly string[]
  /** The connection for messages stands and its subscription is confirmed, or the one for commands stands again. */
  readonly onReady: () => void
  readonly onMessage: (text: string, channel: string) => void
}

/** Redis did not answer in time, or there is no connection to it. */
export class RedisUnavailable extends Error {
  override readonly name = 'RedisUnavailable'
}

/** The longest time between two attempts to connect, milliseconds. */
const MAX_PAUSE = 1_000

/**
 * Two connections to Redis: one for commands, one for messages. Nothing queues while there is none, nothing is sent twice, and no fault
 * is thrown where nobody can catch it. Behind the first command that fails, commands fail at once until a probe has come through.
 */
export class RedisConnection {
  readonly isCluster: boolean
  readonly #client: RedisClient
  #commands: RedisClient
  readonly #messages: RedisClient
  readonly #options: RedisConnectionOptions
  #isOpen = false
  #isSubscribed = false
  #isClosed = false
  /** What needs the connection until it is through, closed or not. */
  readonly #kept = new Set<Promise<unknown>>()
  /** The connection for commands is ending; a client says `ready` until its socket is closed. */
  #hasLeft = false
  #reopening: Promise<void> | undefined
  /** The last fault of a connection, or what the server refused last, for people. */
  fault: unknown

  constructor(client: RedisClient, options: RedisConnectionOptions) {
    this.#options = options
    this.#client = client
    this.isCluster = client.isCluster
    this.#commands = ownConnection(client)
    this.#messages = ownConnection(client)
    for (const own of [this.#commands, this.#messages]) this.#heedFaults(own)
    this.#commands.on('ready', () => options.onReady())
    this.#messages.on('ready', () => void this.#subscribe())
    this.#messages.on('close', () => {
      this.#isSubscribed = false
    })
    this.#messages.on(this.isCluster ? 'smessage' : 'message', (channel, text) =>
      options.onMessage(String(text), String(channel)),
    )
  }

  /** Commands may be sent, as far as this side knows. */
  get isReady(): boolean {
    return this.#commands.status === 'ready' && !this.#isClosed
  }

  /** Messages come in. */
  get isSubscribed(): boolean {
    return this.#isSubscribed && this.#messages.status === 'ready'
  }

  /** `closed`: commands are sent; `open`: the last one failed, and only probes are. */
  get breaker(): 'closed' | 'open' {
    return this.#isOpen ? 'open' : 'closed'
  }

  connect(): void {
    for (const own of [this.#commands, this.#messages]) {
      own.connect().catch((error: unknown) => {
        this.fault = error
      })
    }
  }

  /**
   * Runs a script.
   *
   * @param isProbe it is sent although the last command failed
   * @throws RedisUnavailable, or what the server says
   */
  async run(
    { source, digest }: Script,
    key: string,
    given: readonly Argument[],
    isProbe = false,
  ): Promise<unknown> {
    if (!this.#maySend || (this.#isOpen && !isProbe)) {
      throw new RedisUnavailable('not connected', { cause: this.fault })
    }
    try {
      const reply = await this.#timed(
        this.#commands.callBuffer('evalsha', digest, 1, key, ...given).catch((error: unknown) => {
          if (!isMessage(error, 'NOSCRIPT')) throw error
          return this.#commands.callBuffer('eval', source, 1, key, ...given)
        }),
      )
      this.#isOpen = false
      return reply
    } catch (error) {
      this.fault = error
      // What the server refuses tells nothing of whether it answers.
      if (isReply(error) && !isMessage(error, 'LOADING')) throw error
      this.#isOpen = true
      if (error instanceof RedisUnavailable) throw error
      throw new RedisUnavailable('no answer', { cause: error })
    }
  }

  /** Sends a message; whether anybody hears it is not known. */
  async publish(channel: string, text: string): Promise<void> {
    if (!this.isReady) return
    await this.#timed(
      this.#commands.callBuffer(this.isCluster ? 'spublish' : 'publish', channel, text),
    )
  }

  /** Carries out what must reach Redis although the cache may be closed: the connection stays, or comes back, until it is through. */
  async keep<Result>(run: () => Promise<Result>): Promise<Result> {
    const running = this.#isClosed ? this.#reopened().then(run) : run()
    this.#kept.add(running)
    try {
      return await running
    } finally {
      this.#kept.delete(running)
      if (this.#isClosed) this.#leave()
    }
  }

  /** Ends both connections behind all that was begun before; what is kept later opens one of its own. */
  async close(): Promise<void> {
    this.#isClosed = true
    await Promise.allSettled(this.#kept)
    this.#messages.disconnect()
    this.#leave()
  }

  get #maySend(): boolean {
    return !this.#hasLeft && this.#commands.status === 'ready'
  }

  #leave(): void {
    if (this.#kept.size > 0) return
    this.#hasLeft = true
    this.#commands.disconnect()
  }

  /** Resolves when commands can be sent again, or it is known that they cannot. */
  #reopened(): Promise<void> {
    if (!this.#hasLeft && this.#reopening === undefined) return Promise.resolve()
    return (this.#reopening ??= this.#reopen().finally(() => {
      this.#reopening = undefined
    }))
  }

  async #reopen(): Promise<void> {
    try {
      this.#commands = ownConnection(this.#client)
      this.#heedFaults(this.#commands)
      this.#isOpen = false
      this.#hasLeft = false
      await this.#timed(this.#commands.connect())
    } catch (error) {
      this.fault = error
    }
  }

  #heedFaults(own: RedisClient): void {
    own.on('error', (error) => {
      this.fault = error
    })
  }

  async #subscribe(): Promise<void> {
    const { channels, onReady } = this.#options
    try {
      for (const channel of channels) {
        await this.#timed(
          this.isCluster ? this.#messages.ssubscribe(channel) : this.#messages.subscribe(channel),
        )
      }
      this.#isSubscribed = true
      onReady()
    } catch (error) {
      this.fault = error
      // Without its subscription a connection is of no use: the next one tries again.
      if (!this.#isClosed && this.#messages.status === 'ready') this.#later()
    }
  }

  #later(): void {
    const timer = setTimeout(() => {
      if (!this.#isClosed && this.#messages.status === 'ready') void this.#subscribe()
    }, MAX_PAUSE)
    timer.unref()
  }

  #timed<Reply>(reply: Promise<Reply>): Promise<Reply> {
    const { commandTimeout } = this.#options
    return new Promise((resolve, reject) => {
      const late = (): void => reject(new RedisUnavailable(`no answer within ${commandTimeout} ms`))
      // Where this process was busy for so long, the answer may have come and not have been read: timers have their turn first.
      const timer = setTimeout(() => setImmediate(late), commandTimeout)
      reply.then(resolve, reject).finally(() => clearTimeout(timer))
    })
  }
}

function isReply(error: unknown): boolean {
  return error instanceof Error && error.name === 'ReplyError'
}

function isMessage(error: unknown, start: string): boolean {
  return error instanceof Error && error.message.startsWith(start)
}

const settings = {
  lazyConnect: true,
  enableOfflineQueue: false,
  autoResubscribe: false,
  autoResendUnfulfilledCommands: false,
  maxRetriesPerRequest: 0,
  // A command that access rules would have to allow, and that servers before 7.2 do not know.
  disableClientInfo: true,
  keyPrefix: '',
  retryStrategy: (attempt: number) => Math.min(MAX_PAUSE, 50 * attempt),
}

function ownConnection(client: RedisClient): RedisClient {
  if (!client.isCluster) return client.duplicate(settings)
  const { redisOptions = {} }: { readonly redisOptions?: object } = client.options
  return client.duplicate([], {
    lazyConnect: true,
    enableOfflineQueue: false,
    shardedSubscribers: true,
    keyPrefix: '',
    clusterRetryStrategy: settings.retryStrategy,
    redisOptions: { ...redisOptions, ...settings, lazyConnect: undefined },
  })
}
