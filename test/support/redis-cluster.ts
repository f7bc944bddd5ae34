import { RedisServer, type RedisServerOptions } from './redis-server.ts'
import { until } from './until.ts'

const slots = 16_384

/** Three masters of our own, which share the slots. `await using cluster = await RedisCluster.start()` stops them. */
export class RedisCluster {
  readonly nodes: readonly RedisServer[]
  readonly #ids: readonly string[]

  private constructor(nodes: readonly RedisServer[], ids: readonly string[]) {
    this.nodes = nodes
    this.#ids = ids
  }

  /** Resolves when every node finds the cluster whole. Redis takes two seconds for that, whatever is done. */
  static async start(options: RedisServerOptions = {}): Promise<RedisCluster> {
    const config = {
      'cluster-enabled': 'yes',
      'cluster-node-timeout': '2000',
      ...options.config,
    }
    const nodes = await Promise.all(
      Array.from({ length: 3 }, () => RedisServer.start({ ...options, config })),
    )
    const ids = await Promise.all(
      nodes.map(async (node) => String(await node.command('CLUSTER', 'MYID'))),
    )
    const cluster = new RedisCluster(nodes, ids)
    try {
      await cluster.#join()
    } catch (error) {
      await cluster.stop()
      throw error
    }
    return cluster
  }

  /** The addresses for a client: `new Cluster(cluster.addresses)`. */
  get addresses(): readonly { host: string; port: number }[] {
    return this.nodes.map(({ port }) => ({ host: '127.0.0.1', port }))
  }

  /** The node that has the slot, as the first node sees it. */
  async ownerOf(slot: number): Promise<RedisServer> {
    const [first] = this.nodes
    const ranges = (await first?.command('CLUSTER', 'SLOTS')) as [
      number,
      number,
      [string, number],
    ][]
    const range = ranges.find(([start, end]) => start <= slot && slot <= end)
    const owner = this.nodes.find(({ port }) => port === range?.[2][1])
    if (owner === undefined) throw new Error(`no node has slot ${slot}`)
    return owner
  }

  /** The slot of a key, as Redis counts it. */
  async slotOf(key: string): Promise<number> {
    return Number(await this.nodes[0]?.command('CLUSTER', 'KEYSLOT', key))
  }

  /**
   * Moves a slot and its keys, as an operator does. `midway` runs when all keys have moved and the slot still belongs to
   * `from`, which answers ASK then.
   */
  async migrateSlot(
    slot: number,
    from: RedisServer,
    to: RedisServer,
    midway?: () => Promise<void>,
  ): Promise<void> {
    await to.command('CLUSTER', 'SETSLOT', slot, 'IMPORTING', this.#idOf(from))
    await from.command('CLUSTER', 'SETSLOT', slot, 'MIGRATING', this.#idOf(to))
    for (;;) {
      const keys = (await from.command('CLUSTER', 'GETKEYSINSLOT', slot, 100)) as string[]
      if (keys.length === 0) break
      await from.command('MIGRATE', '127.0.0.1', to.port, '', 0, 5_000, 'KEYS', ...keys)
    }
    await midway?.()
    // The new owner first: it must know before anybody sends requests there.
    const others = this.nodes.filter((node) => node !== from && node !== to)
    for (const node of [to, from, ...others]) {
      await node.command('CLUSTER', 'SETSLOT', slot, 'NODE', this.#idOf(to))
    }
  }

  async stop(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.stop()))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.nodes.map((node) => node[Symbol.asyncDispose]()))
  }

  #idOf(node: RedisServer): string {
    const id = this.#ids[this.nodes.indexOf(node)]
    if (id === undefined) throw new Error(`port ${node.port} is none of this cluster's`)
    return id
  }

  async #join(): Promise<void> {
    const size = this.nodes.length
    await Promise.all(
      this.nodes.map(async (node, index) => {
        // Numbers of their own from the start, or the nodes would have to settle it first.
        await node.command('CLUSTER', 'SET-CONFIG-EPOCH', index + 1)
        const start = Math.floor((index * slots) / size)
        const end = Math.floor(((index + 1) * slots) / size) - 1
        await node.command('CLUSTER', 'ADDSLOTSRANGE', start, end)
      }),
    )
    const [first, ...others] = this.nodes
    for (const { port } of others) await first?.command('CLUSTER', 'MEET', '127.0.0.1', port)
    await Promise.all(
      this.nodes.map((node) =>
        until('the cluster is whole', async () => {
          const info = String(await node.command('CLUSTER', 'INFO'))
          return (
            info.includes('cluster_state:ok') &&
            info.includes(`cluster_known_nodes:${size}`) &&
            info.includes(`cluster_slots_ok:${slots}`)
          )
        }),
      ),
    )
  }
}
