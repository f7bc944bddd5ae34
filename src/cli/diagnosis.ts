import type { RedisView } from './redis-view.ts'

/** One thing that was looked at. */
export interface Finding {
  readonly ok: boolean
  readonly text: string
}

/** A round trip that takes longer is felt by visitors whose page is not in memory, milliseconds. */
const far = 20

/** Looks for what makes a Redis unfit for the cache. */
export async function diagnose(view: RedisView): Promise<Finding[]> {
  const [server, memory, replication] = await Promise.all([
    view.info('server'),
    view.info('memory'),
    view.info('replication'),
  ])
  const version = server.get('redis_version') ?? '0'
  const policy = memory.get('maxmemory_policy') ?? 'unknown'
  const limit = Number(memory.get('maxmemory') ?? 0)
  const used = Number(memory.get('used_memory') ?? 0)
  const role = replication.get('role') ?? 'unknown'
  const distance = await view.distance()
  const [epoch, birth, live = ''] = await view.state('epoch', 'birth', 'live')
  const isOwnLife = birth === server.get('run_id')
  return [
    {
      ok: parseInt(version, 10) >= 6,
      text: `version ${version}${parseInt(version, 10) >= 6 ? '' : ': 6 or later is needed'}`,
    },
    {
      ok: role === 'master',
      text: `role ${role}${role === 'master' ? '' : ': what is written goes to the master'}`,
    },
    {
      // What the cache must not lose has no expiry; other policies may take it, which costs everything that is stored.
      ok: limit === 0 || policy.startsWith('volatile-'),
      text: `maxmemory-policy ${policy}${limit === 0 || policy.startsWith('volatile-') ? '' : ': volatile-lru leaves the versions in place'}`,
    },
    {
      ok: limit === 0 || used < limit * 0.95,
      text: `memory ${Math.round(used / 2 ** 20)} MiB${limit === 0 ? '' : ` of ${Math.round(limit / 2 ** 20)} MiB`}`,
    },
    {
      ok: distance < far,
      text: `round trip ${distance.toFixed(1)} ms${distance < far ? '' : ': Redis is far away, or busy'}`,
    },
    epoch === undefined
      ? {
          ok: false,
          text: 'no state: no instance has used this namespace yet, or Redis has lost it',
        }
      : {
          ok: isOwnLife,
          text: isOwnLife
            ? `epoch ${epoch}, ${live.split('\n').length - 1} instances`
            : `epoch ${epoch} is of an earlier life of this server: the next instance begins another`,
        },
  ]
}
