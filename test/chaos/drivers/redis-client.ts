import type * as ioredis from 'ioredis'

/** A client as applications make theirs, in either of its majors. */
export async function connect({
  port,
  client,
}: {
  readonly port: number
  readonly client: 'ioredis' | 'ioredis5'
}): Promise<ioredis.Redis> {
  const loaded =
    client === 'ioredis5'
      ? ((await import('ioredis5')) as unknown as typeof ioredis)
      : await import('ioredis')
  const redis = new loaded.Redis({
    host: '127.0.0.1',
    port,
    // A server that is away is tried again soon: faults are short here.
    retryStrategy: () => 50,
  })
  redis.on('error', () => undefined)
  return redis
}
