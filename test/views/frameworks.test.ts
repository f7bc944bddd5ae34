import { mkdirSync, writeFileSync } from 'node:fs'
import type { RequestListener } from 'node:http'
import { join } from 'node:path'
import koaViews from '@ladjs/koa-views'
import { cacheflow as forExpress } from 'cacheflow/express'
import { cacheflow as forKoa } from 'cacheflow/koa'
import { ejsFragments, engineFragments, handlebarsFragments } from 'cacheflow/views'
import ejs from 'ejs'
import express5, { type Express } from 'express'
import { engine } from 'express-handlebars'
import express4 from 'express4'
import handlebars from 'handlebars'
import { Redis } from 'ioredis'
import Koa3 from 'koa'
import Koa2 from 'koa2'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { CacheHandle, CacheflowOptions } from 'cacheflow'
import { Application } from '../support/application.ts'
import { temporaryDirectory } from '../support/process.ts'
import { RedisServer } from '../support/redis-server.ts'
import { until } from '../support/until.ts'

let server: RedisServer
beforeAll(async () => {
  server = await RedisServer.start()
})
afterAll(async () => {
  await server.stop()
})

/** What views show: a body that runs counts. */
class Items {
  list = [1, 2, 3]
  runs = 0
  readonly show = (item: number): string => {
    this.runs++
    return `item ${item}`
  }
}

interface Mounted {
  readonly cache: CacheHandle
  readonly listener: RequestListener
}

function folderOf(name: string, files: Readonly<Record<string, string>>): string {
  const folder = join(temporaryDirectory(), name)
  mkdirSync(join(folder, 'layouts'), { recursive: true })
  for (const [file, text] of Object.entries(files)) writeFileSync(join(folder, file), text)
  return folder
}

const inEjs =
  '<ul><% for (const i of list) { %><%- cacheFragment("item", { key: i, tags: ["item" + i] }, () => { %><li><%= show(i) %></li><% }) %><% } %></ul>'
const inHandlebars =
  '<ul>{{#each list}}{{#fragment "item" key=this tags=(tagsOf this)}}<li>{{shown this}}</li>{{/fragment}}{{/each}}</ul>'

/** Each package that brings views into a framework, in the framework that it is for. */
const packages: Readonly<
  Record<string, (items: Items, options: CacheflowOptions<unknown>) => Mounted>
> = {
  'express-handlebars in Express 5': (items, options) => inExpress(express5(), items, options),
  'express-handlebars in Express 4': (items, options) =>
    inExpress(express4() as unknown as Express, items, options),
  '@ladjs/koa-views in Koa 3': (items, options) => inKoa(new Koa3(), items, options),
  '@ladjs/koa-views in Koa 2': (items, options) =>
    inKoa(new Koa2() as unknown as Koa3, items, options),
}

function inExpress(app: Express, items: Items, options: CacheflowOptions<unknown>): Mounted {
  const folder = folderOf('express-handlebars', {
    'layouts/main.handlebars': '<main>{{{body}}}</main>',
    'page.handlebars': inHandlebars,
  })
  const own = handlebars.create()
  handlebarsFragments(own)
  own.registerHelper('shown', (item: number) => items.show(item))
  own.registerHelper('tagsOf', (item: number) => [`item${item}`])
  const cache = forExpress(options)
  app.engine('handlebars', engineFragments(engine({ handlebars: own })))
  app.set('view engine', 'handlebars')
  app.set('views', folder)
  app.use(cache)
  app.get('/page', (_request, response) => {
    response.render('page', { list: items.list })
  })
  return { cache, listener: app }
}

function inKoa(app: Koa3, items: Items, options: CacheflowOptions<unknown>): Mounted {
  const folder = folderOf('koa-views', { 'page.ejs': inEjs })
  const cache = forKoa(options)
  app.use(cache)
  const engineSource = { ejs: ejsFragments(ejs) }
  app.use(koaViews(folder, { extension: 'ejs', engineSource }))
  app.use(async (ctx) => {
    await ctx.render('page', { list: items.list, show: items.show })
  })
  return { cache, listener: app.callback() }
}

describe.each(Object.keys(packages))('%s', (name) => {
  const started = async (items: Items, options: CacheflowOptions<unknown>): Promise<Application> =>
    Application.start(() => packages[name]!(items, options))
  const page = (app: Application): Promise<string> => app.get('/page').then(({ body }) => body)

  it('shows the same with the cache as without it: cold, warm and partly invalidated', async () => {
    const items = new Items()
    const bare = await started(items, { maxAge: false, fragments: { strict: false } })
    const shown = await page(bare)
    expect(shown).toContain('<li>item 2</li>')
    const app = await started(items, { session: () => null })
    await page(app)
    expect(await page(app)).toBe(shown)
    items.runs = 0
    expect(await page(app)).toBe(shown)
    expect(items.runs).toBe(0)
    await app.cache.invalidate({ tag: 'item2' })
    expect(await page(app)).toBe(shown)
    expect(items.runs).toBe(1)
  })

  it('takes the fragments of a view from Redis in one round trip', async () => {
    const items = new Items()
    const instance = async (): Promise<Application> => {
      const client = new Redis({ port: server.port, lazyConnect: true })
      const namespace = name.replaceAll(/\W/g, '')
      const app = await started(items, {
        session: () => null,
        redis: { client, namespace, maxStaleness: '1h' },
      })
      await until('it is connected', () => app.cache.status()?.connected === true)
      return app
    }
    const first = await instance()
    const shown = await page(first)
    await page(first)
    const second = await instance()
    await page(second)
    await until('all rest in Redis', async () => {
      const keys = await server.command('KEYS', '*:rd:v:fragment:item*')
      return Array.isArray(keys) && keys.length >= 3
    })
    const third = await instance()
    items.runs = 0
    const before = (await server.commandStats()).get('evalsha') ?? 0
    expect(await page(third)).toBe(shown)
    expect(((await server.commandStats()).get('evalsha') ?? 0) - before).toBe(1)
    expect(items.runs).toBe(0)
  })
})
