import { describe, expect, it } from 'vitest'
import { type Handler, type Host, type Site, isHit, open } from '../support/host.ts'
import { essenceBehindCache, essenceOf } from '../support/transparency.ts'
import type { WireRequest } from '../support/wire.ts'
import { contextWays } from './context-ways.ts'
import { expressWays } from './express-ways.ts'
import { endingsAfterBreaks } from './rules/breaks.ts'
import { compressing } from './rules/compression.ts'
import { failures } from './rules/failures.ts'
import { largeBodies } from './rules/large-bodies.ts'
import { lateFields } from './rules/late-fields.ts'
import { lateHeads } from './rules/late-heads.ts'
import { middlewares } from './rules/middlewares.ts'
import { outerFields } from './rules/outer-fields.ts'
import { outerWords } from './rules/outer-words.ts'
import { requests } from './rules/requests.ts'
import { streams } from './rules/streams.ts'
import { unseenBytes } from './rules/unseen.ts'
import { ways } from './ways.ts'

/** Everything that an adapter must get right, on one host. */
export function conformance(host: Host): void {
  describe(host.name, () => {
    for (const { title, handler, request, isStored = true } of ways) {
      it(title, () => expectSame(host, { handler }, request, isStored && host.seesRaw))
    }
    for (const { title, koa, request, isStored = true } of contextWays) {
      if (host.framework !== 'Koa') continue
      const isHeld = typeof isStored === 'function' ? isStored(host) : isStored
      it(title, () => expectSame(host, { koa }, request, isHeld))
    }
    for (const { title, answer, settings, request, isStored } of expressWays) {
      if (host.framework !== 'Express') continue
      const site: Site = { handler: answer as Handler, ...(settings && { settings }) }
      it(title, () => expectSame(host, site, request, isStored ?? true))
    }
    requests(host)
    lateFields(host)
    lateHeads(host)
    outerFields(host)
    outerWords(host)
    middlewares(host)
    compressing(host)
    failures(host)
    endingsAfterBreaks(host)
    streams(host)
    unseenBytes(host)
    largeBodies(host)
  })
}

/** One application answers the same without the cache, with it, and from it. */
async function expectSame(
  host: Host,
  site: Site,
  request: WireRequest = {},
  isStored: boolean,
): Promise<void> {
  const plain = await open(host, site, false)
  const cached = await open(host, site)
  const expected = await plain.send(request)

  const cold = await cached.send(request)
  const warm = await cached.send(request)

  expect(essenceBehindCache(cold, expected, false)).toEqual(essenceOf(expected, false))
  expect(isHit(warm)).toBe(isStored)
  expect(essenceBehindCache(warm, expected, isStored)).toEqual(essenceOf(expected, isStored))
  expect(cached.runs).toBe(isStored ? 1 : 2)
}
