import { setTimeout as pause } from 'node:timers/promises'

/**
 * Resolves as soon as the condition holds, which is looked at every few milliseconds. Rejects with `what` when it does
 * not hold within `within` milliseconds, 10,000 by default. A condition that throws does not hold yet.
 */
export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
  within = 10_000,
): Promise<void> {
  const deadline = performance.now() + within
  for (;;) {
    let cause: unknown
    try {
      if (await condition()) return
    } catch (error) {
      cause = error
    }
    if (performance.now() > deadline) {
      throw new Error(`not within ${within} ms: ${what}`, { cause })
    }
    await pause(5)
  }
}
