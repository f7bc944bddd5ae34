import { type AddressInfo, type Server, type Socket, connect, createServer } from 'node:net'
import { type Direction, ProxyConnection, ProxyLane } from './proxy-lane.ts'
import { RequestReader } from './redis-requests.ts'

const subscribing: ReadonlySet<string> = new Set(['SUBSCRIBE', 'PSUBSCRIBE', 'SSUBSCRIBE'])

/**
 * A way to a Redis server that a test can make slow, hold up and cut. Bytes keep their order, whatever is done to them.
 *
 * A connection is one of `commands` until it subscribes, and one of `subscribers` from that command on. The methods of
 * the proxy itself are for both. `await using proxy = await TcpProxy.start(server.port)` closes it at the end of the
 * block.
 */
export class TcpProxy {
  readonly commands = new ProxyLane()
  readonly subscribers = new ProxyLane()
  /** Where new connections go: a port at 127.0.0.1. */
  target: number
  readonly #server: Server

  private constructor(target: number) {
    this.target = target
    this.#server = createServer({ allowHalfOpen: true }, (client) => this.#join(client))
  }

  /** Resolves when it listens. */
  static async start(target: number): Promise<TcpProxy> {
    const proxy = new TcpProxy(target)
    await new Promise<void>((resolve) => proxy.#server.listen(0, '127.0.0.1', resolve))
    return proxy
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  delay(milliseconds: number, direction?: Direction): void {
    for (const each of this.#lanes) each.delay(milliseconds, direction)
  }

  block(direction?: Direction): void {
    for (const each of this.#lanes) each.block(direction)
  }

  unblock(direction?: Direction): void {
    for (const each of this.#lanes) each.unblock(direction)
  }

  cut(): void {
    for (const each of this.#lanes) each.cut()
  }

  refuse(): void {
    for (const each of this.#lanes) each.refuse()
  }

  accept(): void {
    for (const each of this.#lanes) each.accept()
  }

  /** Closes everything. */
  async stop(): Promise<void> {
    this.refuse()
    this.cut()
    if (this.#server.listening) await new Promise((resolve) => this.#server.close(resolve))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }

  get #lanes(): readonly ProxyLane[] {
    return [this.commands, this.subscribers]
  }

  #join(client: Socket): void {
    const server = connect({ port: this.target, host: '127.0.0.1', allowHalfOpen: true })
    const reader = new RequestReader()
    const connection = new ProxyConnection(client, server, this.commands, (bytes) => {
      const isSubscribing = reader.read(bytes).some((name) => subscribing.has(name))
      if (isSubscribing && connection.lane !== this.subscribers) this.subscribers.take(connection)
    })
    for (const socket of [client, server]) {
      socket.on('close', () => {
        if (!connection.isOpen) connection.lane.drop(connection)
      })
    }
    this.commands.take(connection)
  }
}
