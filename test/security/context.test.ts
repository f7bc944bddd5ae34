import { AsyncResource } from 'node:async_hooks'
import { cacheFragment, dependsOn } from 'cacheflow'
import type { CacheflowOptions, ResponseContext } from 'cacheflow'
import { cacheflow as forExpress } from 'cacheflow/express'
import { cacheflow as forKoa } from 'cacheflow/koa'
import express5 from 'express'
import express4 from 'express4'
import Koa3 from 'koa'
import Koa2 from 'koa2'
import { describe, expect, it } from 'vitest'
import { Application } from '../support/application.ts'

type Rows = (error: undefined, rows: string) => void

/** A pool of one connection, written as such pools are: whoever waits is called by whoever releases. */
class Pool {
  #busy = false
  readonly #waiting: (() => void)[] = []

  /** Its connection is slow until so many wait for it. */
  crowd = 0

  /** How a pool is mended from outside: callbacks keep the context that they come from. */
  bound = false

  query(sql: string, given: Rows): void {
    const done: Rows = this.bound ? AsyncResource.bind(given) : given
    const run = (): void => {
      this.#busy = true
      // As an answer from a connection that was opened long ago, in the context of whoever began.
      const answer = (): void => {
        if (this.#waiting.length < this.crowd) {
          setImmediate(answer)
          return
        }
        this.crowd = 0
        this.#busy = false
        const next = this.#waiting.shift()
        done(undefined, `rows of ${sql}`)
        next?.()
      }
      setImmediate(answer)
    }
    if (this.#busy) this.#waiting.push(run)
    else run()
  }
}

/** What a page of the site sees. */
interface Page {
  readonly tenant: () => string
  readonly draft: ResponseContext
}

type Render = (page: Page, pool: Pool, send: (error: unknown, text?: string) => void) => void

interface Site {
  readonly name: string
  open(render: Render, options?: CacheflowOptions<unknown>, pool?: Pool): Promise<Application>
}

function expressSite(major: 4 | 5): Site {
  const express = major === 4 ? (express4 as unknown as typeof express5) : express5
  return {
    name: `Express ${major}`,
    open: (render, options = {}, pool = crowded()) =>
      Application.start((made) => {
        const cache = forExpress({
          clock: () => made.now,
          fragments: { strict: false },
          ...options,
        })
        const app = express()
        app.set('env', 'test')
        app.use(cache)
        app.get('/:n', (req, res, next) => {
          const page = { tenant: () => req.get('x-tenant') ?? '', draft: res.locals.cacheflow }
          render(page, pool, (error, text) => {
            if (error === undefined) res.send(text)
            else next(error)
          })
        })
        return { cache, listener: app }
      }),
  }
}

function koaSite(major: 2 | 3): Site {
  const Koa = major === 2 ? (Koa2 as unknown as typeof Koa3) : Koa3
  return {
    name: `Koa ${major}`,
    open: (render, options = {}, pool = crowded()) =>
      Application.start((made) => {
        const cache = forKoa({ clock: () => made.now, fragments: { strict: false }, ...options })
        const app = new Koa()
        app.silent = true
        app.use(cache)
        app.use(
          (ctx) =>
            new Promise<void>((resolve, reject) => {
              const page = {
                tenant: () => ctx.get('x-tenant'),
                draft: ctx.state['cacheflow'],
              }
              render(page, pool, (error, text) => {
                if (error !== undefined) {
                  reject(new Error('no page', { cause: error }))
                  return
                }
                ctx.body = text
                resolve()
              })
            }),
        )
        return { cache, listener: app.callback() }
      }),
  }
}

function crowded(): Pool {
  const pool = new Pool()
  pool.crowd = visitors.length - 1
  return pool
}

const sites: readonly Site[] = [expressSite(5), expressSite(4), koaSite(3), koaSite(2)]
const visitors = Array.from({ length: 40 }, (_, n) => n)

/** Asks as 40 visitors at one time, each of a tenant and a page of its own. */
async function crowd(app: Application): Promise<string[]> {
  const answers = await Promise.all(
    visitors.map((n) => app.get(`/${n}`, { 'X-Tenant': `tenant ${n}` })),
  )
  return answers.map(({ body }) => body)
}

const own = visitors.map((n) => `<h1>tenant ${n}</h1>`)

/** A fragment in a callback out of the pool's queue, by the async context. */
const byContext: Render = (page, pool, send) => {
  pool.query('SELECT 1', () => {
    cacheFragment('head', { vary: ['x-tenant'] }, () => `<h1>${page.tenant()}</h1>`).then(
      (text) => send(undefined, text),
      send,
    )
  })
}

describe.each(sites)('code in the async context of another request ($name)', ({ open }) => {
  it('gets no fragment of another visitor, cold or again', async () => {
    const app = await open(byContext)
    expect(await crowd(app)).toEqual(own)
    expect(await crowd(app)).toEqual(own)
    const reasons = app.seen('fragment').map(({ uncacheable: refusal }) => refusal)
    expect(reasons).toContain('context')
  })

  it('is told in development by an error that names the cause', async () => {
    const app = await open(byContext, { fragments: { strict: true } })
    const failed = (
      await Promise.all(visitors.map((n) => app.get(`/${n}`, { 'X-Tenant': `tenant ${n}` })))
    ).filter(({ status }) => status === 500)
    expect(failed.length).toBeGreaterThan(0)
    const told = app.seen('fragment').map(({ detail }) => detail ?? '')
    expect(told.some((detail) => detail.includes('ERR_CACHEFLOW_CONTEXT'))).toBe(true)
  })

  it('does not store a page whose dependencies may have gone to another', async () => {
    let price = 1
    const app = await open((page, pool, send) => {
      pool.query('SELECT price', () => {
        dependsOn({ tag: 'prices' })
        page.tenant()
        send(undefined, `price ${price}`)
      })
    })
    await crowd(app)
    price = 2
    await app.cache.invalidate({ tag: 'prices' })
    expect(new Set(await crowd(app))).toEqual(new Set(['price 2']))
  })

  it('has the fragments and dependencies of its own response by the draft', async () => {
    let price = 1
    const app = await open((page, pool, send) => {
      pool.query('SELECT price', () => {
        const read = page.draft.track({ tag: 'prices' }, () => price)
        page.draft
          .fragment('head', { vary: ['x-tenant'] }, () => `<h1>${page.tenant()} ${read}</h1>`)
          .then((text) => send(undefined, text), send)
      })
    })
    const at = (now: number): string[] => visitors.map((n) => `<h1>tenant ${n} ${now}</h1>`)
    expect(await crowd(app)).toEqual(at(1))
    expect(await crowd(app)).toEqual(at(1))
    expect(app.seen('hit').length).toBe(40)
    price = 2
    await app.cache.invalidate({ all: true })
    expect(await crowd(app)).toEqual(at(2))
    expect(
      app.seen('fragment').filter(({ uncacheable: refusal }) => refusal !== undefined),
    ).toEqual([])
  })

  it('is right in a pool whose callbacks are bound to their context', async () => {
    const pool = crowded()
    pool.bound = true
    const app = await open(byContext, {}, pool)
    expect(await crowd(app)).toEqual(own)
    expect(await crowd(app)).toEqual(own)
    expect(app.seen('hit').length).toBe(40)
  })

  it('is right with promises', async () => {
    const app = await open((page, pool, send) => {
      const show = async (): Promise<string> => {
        await new Promise<void>((resolve) => pool.query('SELECT 1', () => resolve()))
        return cacheFragment('head', { vary: ['x-tenant'] }, () => `<h1>${page.tenant()}</h1>`)
      }
      show().then((text) => send(undefined, text), send)
    })
    expect(await crowd(app)).toEqual(own)
    expect(await crowd(app)).toEqual(own)
    expect(app.seen('hit').length).toBe(40)
  })

  it('runs without the cache where the response of that request has ended', async () => {
    let other: (() => Promise<string>) | undefined
    const app = await open((_page, _pool, send) => {
      if (other === undefined) {
        other = AsyncResource.bind(() => cacheFragment('late', () => 'late'))
        send(undefined, 'first')
      } else other().then((text) => send(undefined, text), send)
    })
    await app.get('/1')
    expect((await app.get('/2')).body).toBe('late')
    expect(app.seen('fragment')).toMatchObject([{ stored: false, uncacheable: 'context' }])
  })
})
