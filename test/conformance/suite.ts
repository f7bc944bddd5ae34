import { describe, expect, it } from 'vitest'
import { type Host, isHit, open } from '../support/host.ts'
import { essenceBehindCache, essenceOf } from '../support/transparency.ts'
import { compressing } from './rules/compression.ts'
import { failures } from './rules/failures.ts'
import { lateFields } from './rules/late-fields.ts'
import { requests } from './rules/requests.ts'
import { streams } from './rules/streams.ts'
import { ways } from './ways.ts'

/** Everything that an adapter must get right, on one host. */
export function conformance(host: Host): void {
  describe(host.name, () => {
    for (const { title, handler, request = {}, isStored = true } of ways) {
      it(title, async () => {
        const plain = await open(host, { handler }, false)
        const cached = await open(host, { handler })
        const expected = await plain.send(request)

        const cold = await cached.send(request)
        const warm = await cached.send(request)

        expect(essenceBehindCache(cold, expected, false)).toEqual(essenceOf(expected, false))
        const isHeld = isStored && host.seesRaw
        expect(isHit(warm)).toBe(isHeld)
        expect(essenceBehindCache(warm, expected, isHeld)).toEqual(essenceOf(expected, isHeld))
        expect(cached.runs).toBe(isHeld ? 1 : 2)
      })
    }
    requests(host)
    lateFields(host)
    compressing(host)
    failures(host)
    streams(host)
  })
}
