import type { Socket } from 'node:net'
import { ByteFlow } from './byte-flow.ts'

export type Direction = 'toServer' | 'toClient'
const both: readonly Direction[] = ['toServer', 'toClient']

function directions(direction: Direction | undefined): readonly Direction[] {
  return direction === undefined ? both : [direction]
}

/** One client's connection through the proxy. */
export class ProxyConnection {
  /** The lane that it is in, as the proxy keeps it. */
  lane: ProxyLane
  readonly #client: Socket
  readonly #server: Socket
  readonly #flows: Readonly<Record<Direction, ByteFlow>>

  constructor(
    client: Socket,
    server: Socket,
    lane: ProxyLane,
    onRequest: (bytes: Buffer, connection: ProxyConnection) => void,
  ) {
    this.#client = client
    this.#server = server
    this.lane = lane
    const onHold = (): void => this.lane.told()
    this.#flows = {
      toServer: new ByteFlow(client, server, (bytes) => onRequest(bytes, this), onHold),
      toClient: new ByteFlow(server, client, () => undefined, onHold),
    }
    for (const socket of [client, server]) {
      socket.on('error', () => undefined)
      socket.setNoDelay()
    }
  }

  get isOpen(): boolean {
    return !this.#client.destroyed || !this.#server.destroyed
  }

  delay(milliseconds: number, direction?: Direction): void {
    for (const each of directions(direction)) this.#flows[each].delay = milliseconds
  }

  block(direction?: Direction): void {
    for (const each of directions(direction)) this.#flows[each].hold()
  }

  unblock(direction?: Direction): void {
    for (const each of directions(direction)) this.#flows[each].release()
  }

  /** Closes it to both sides. What waits is lost. */
  cut(): void {
    this.#client.destroy()
    this.#server.destroy()
  }

  /** Bytes are held or delayed. */
  isHolding(direction?: Direction): boolean {
    return directions(direction).some((each) => this.#flows[each].isHolding)
  }
}

/** Connections of one kind, those to come included. Without a direction, a method is for both. */
export class ProxyLane {
  readonly #connections = new Set<ProxyConnection>()
  readonly #delays = { toServer: 0, toClient: 0 }
  readonly #blocked = { toServer: false, toClient: false }
  readonly #listeners = new Set<() => void>()
  #isRefusing = false

  /** The open ones, the oldest first. */
  get connections(): readonly ProxyConnection[] {
    return [...this.#connections].filter((each) => each.isOpen)
  }

  /** Lets bytes that arrive from now on wait, in their order. 0 ends it. */
  delay(milliseconds: number, direction?: Direction): void {
    for (const each of directions(direction)) this.#delays[each] = milliseconds
    for (const each of this.#connections) each.delay(milliseconds, direction)
  }

  /** Holds all bytes, and the end of a connection, until `unblock`: a network that is gone and says nothing. */
  block(direction?: Direction): void {
    for (const each of directions(direction)) this.#blocked[each] = true
    for (const each of this.#connections) each.block(direction)
  }

  /** Lets go what was held, in its order. */
  unblock(direction?: Direction): void {
    for (const each of directions(direction)) this.#blocked[each] = false
    for (const each of this.#connections) each.unblock(direction)
  }

  /** Resolves when bytes are held or delayed: what a test waits for between `block` and `unblock`. */
  async holds(direction?: Direction): Promise<void> {
    await new Promise<void>((resolve) => {
      const look = (): void => {
        if (![...this.#connections].some((each) => each.isHolding(direction))) return
        this.#listeners.delete(look)
        resolve()
      }
      this.#listeners.add(look)
      look()
    })
  }

  /** Closes every connection. */
  cut(): void {
    for (const each of this.connections) each.cut()
  }

  /** Closes every connection that comes, until `accept`. */
  refuse(): void {
    this.#isRefusing = true
  }

  accept(): void {
    this.#isRefusing = false
  }

  /** Takes a connection, from the lane it was in. Called by the proxy. */
  take(connection: ProxyConnection): void {
    connection.lane.#connections.delete(connection)
    connection.lane = this
    this.#connections.add(connection)
    if (this.#isRefusing) connection.cut()
    for (const each of both) {
      connection.delay(this.#delays[each], each)
      if (this.#blocked[each]) connection.block(each)
      else connection.unblock(each)
    }
  }

  /** Forgets a closed connection. Called by the proxy. */
  drop(connection: ProxyConnection): void {
    this.#connections.delete(connection)
  }

  /** Bytes wait in one of its connections. Called by the connection. */
  told(): void {
    for (const each of this.#listeners) each()
  }
}
