/** The keys of one namespace: one hash tag, so that in a Cluster all of them lie in one slot and scripts may use them together. */
export interface RedisKeys {
  /** `{cf}:rd:`, what every key begins with. */
  readonly prefix: string
  /** The hash in which epoch, sequence and versions live and die together. */
  readonly versions: string
}

export function redisKeys(namespace: string): RedisKeys {
  const prefix = `{${namespace}}:rd:`
  return { prefix, versions: `${prefix}ver` }
}
