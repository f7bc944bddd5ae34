import type { L2Lease, L2Store } from '../redis/l2-store.ts'
import type { InFlightRender } from './collapsing.ts'

/** Milliseconds before Redis is asked again for what another instance renders, at first. */
const FIRST_PAUSE = 50

/**
 * Waits until another instance has stored the key, or gives the lease to this one.
 *
 * @param end by `performance.now()`: nobody waits any longer than for an answer of this process
 */
export async function followLease(
  shared: L2Store,
  render: InFlightRender,
  first: L2Lease,
  end: number,
): Promise<void> {
  let lease = first
  // A message may be lost: Redis is asked again after about as long as has been waited already.
  for (let pause = FIRST_PAUSE; lease.kind === 'wait' && performance.now() < end; pause *= 2) {
    await lease.watch.over(Math.min(pause, lease.milliseconds + 1))
    lease.watch.end()
    lease = await shared.fetch(render.key, 'lease')
  }
  render.isHandedOver = lease.kind === 'lead'
}
