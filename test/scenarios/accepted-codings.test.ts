import { createServer, get, type RequestListener } from 'node:http'
import compression from 'compression'
import express4 from 'express4'
import express5 from 'express'
import Koa2 from 'koa2'
import Koa3 from 'koa'
import compress from 'koa-compress'
import { describe, expect, it, onTestFinished } from 'vitest'
import { cacheflow as forExpress } from 'cacheflow/express'
import { cacheflow as forKoa } from 'cacheflow/koa'

interface Site {
  readonly listener: RequestListener
  readonly runs: () => number
}
type Place = 'outside' | 'behind'

const page = '<p>All of it is text that becomes smaller.</p>'.repeat(100)

/** @param isCached false: the application without the cache, which says what is right */
function expressSite(express: typeof express5, place: Place, isCached: boolean): Site {
  let runs = 0
  const app = express()
  if (place === 'outside') app.use(compression())
  if (isCached) app.use(forExpress())
  if (place === 'behind') app.use(compression())
  app.get('/', (_request, response) => {
    runs++
    response.type('html').send(page)
  })
  return { listener: app as RequestListener, runs: () => runs }
}

function koaSite(Koa: typeof Koa3, place: Place, isCached: boolean): Site {
  let runs = 0
  const app = new Koa()
  const coding = compress() as unknown as Koa3.Middleware
  if (place === 'outside') app.use(coding)
  if (isCached) app.use(forKoa())
  if (place === 'behind') app.use(coding)
  app.use((ctx) => {
    if (ctx.path !== '/') return
    runs++
    ctx.type = 'html'
    ctx.body = page
  })
  return { listener: app.callback(), runs: () => runs }
}

const sites: [string, (place: Place, isCached: boolean) => Site][] = [
  ['Express 4', (...given) => expressSite(express4 as unknown as typeof express5, ...given)],
  ['Express 5', (...given) => expressSite(express5, ...given)],
  ['Koa 2', (...given) => koaSite(Koa2 as unknown as typeof Koa3, ...given)],
  ['Koa 3', (...given) => koaSite(Koa3, ...given)],
]

/** Chrome and Firefox, Safari, curl, older programs, and those that refuse something. */
const spellings = [
  'gzip, deflate, br, zstd',
  'gzip, deflate, br',
  'deflate, gzip, br, zstd',
  'gzip, deflate',
  'gzip',
  'GZIP',
  'br;q=1.0, gzip;q=0.8, *;q=0.1',
  '*',
  'identity',
  'gzip;q=0',
  'identity;q=0, gzip',
  '',
  undefined,
]

async function codingOf(port: number, accepted: string | undefined): Promise<unknown> {
  const headers = accepted === undefined ? {} : { 'accept-encoding': accepted }
  const target = { port, path: '/', agent: false, headers }
  return new Promise((resolve, reject) => {
    get(target, (response) => {
      response.resume().once('end', () => {
        const { 'content-encoding': coding, vary } = response.headers
        resolve({ coding, vary })
      })
    }).once('error', reject)
  })
}

async function open({ listener }: Site): Promise<number> {
  const server = createServer(listener).listen(0)
  onTestFinished(() => void server.close())
  const { port } = server.address() as { port: number }
  // Behind other middleware of Koa nothing is observed before the first request.
  await new Promise((resolve) => {
    get({ port, path: '/first', agent: false }, (response) =>
      response.resume().once('end', resolve),
    )
  })
  return port
}

describe.each(sites)('what clients accept of codings (%s)', (_name, siteOf) => {
  it('selects no variants where bodies are coded outside of the cache', async () => {
    const [site, bare] = [siteOf('outside', true), siteOf('outside', false)]
    const [port, without] = [await open(site), await open(bare)]
    for (const accepted of [...spellings, ...spellings]) {
      const [shown, expected] = [await codingOf(port, accepted), await codingOf(without, accepted)]
      expect([accepted, shown]).toEqual([accepted, expected])
    }
    expect(site.runs()).toBe(1)
  })

  it('selects the variants that are coded behind the cache', async () => {
    const [site, bare] = [siteOf('behind', true), siteOf('behind', false)]
    const [port, without] = [await open(site), await open(bare)]
    for (const accepted of [...spellings, ...spellings]) {
      const [shown, expected] = [await codingOf(port, accepted), await codingOf(without, accepted)]
      expect([accepted, shown]).toEqual([accepted, expected])
    }
    expect(site.runs()).toBeLessThanOrEqual(spellings.length)
  })
})
