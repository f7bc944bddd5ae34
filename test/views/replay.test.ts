import { join } from 'node:path'
import { ejsFragments, type ViewEngine } from 'cacheflow/views'
import ejs from 'ejs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Application } from '../support/application.ts'
import { RedisServer } from '../support/redis-server.ts'
import { until } from '../support/until.ts'
import type { Language } from './language.ts'
import { ejsLanguage } from './languages/ejs.ts'
import { node, Rows } from './rows.ts'
import { SharedSite } from './shared-site.ts'
import { folderOf, type Place } from './site.ts'

let server: RedisServer
beforeAll(async () => {
  server = await RedisServer.start()
})
afterAll(() => server.stop())

/** Instances that render one EJS template, and count how often. */
class Views {
  readonly rows = new Rows(2, 2)
  readonly shared: SharedSite
  passes = 0

  constructor(
    page: string,
    { place = 'Koa 3', isPersonal = true, engine = ejsFragments(ejs) }: Options = {},
    redis = server,
  ) {
    const folder = folderOf(ejsLanguage, { page })
    const pass = (): string => {
      this.passes++
      return ''
    }
    const language: Language = {
      ...ejsLanguage,
      open: () => ({
        mount: (app) => {
          app.engine('ejs', (path, locals, done) => engine(path, { ...locals, pass }, done))
        },
        render: (view, locals) => engine(join(folder, `${view}.ejs`), { ...locals, pass }),
      }),
    }
    this.shared = new SharedSite(redis, place, language, folder, this.rows, {
      ...(isPersonal && { session: () => null }),
    })
  }

  /** An instance, after another has made everything. */
  async second(path = '/page'): Promise<Application> {
    const first = await this.shared.start()
    await first.get(path)
    await this.shared.written(first)
    const second = await this.shared.start()
    this.passes = 0
    this.rows.seen()
    return second
  }
}

interface Options {
  readonly place?: Place
  /** Its pages pass by the cache. */
  readonly isPersonal?: boolean
  readonly engine?: ViewEngine
}

const list = `<%- pass() %><% for (const row of rows) { %><%- cacheFragment('card', node(row), () => { %><%= row.seen + row.id %>:<% for (const item of row.items) { %><%- cacheFragment('item', node(item), () => { %><%= item.seen + item.title %>,<% }) %><% } %><% }) %><% } %>`

describe('a view whose fragments rest in Redis', () => {
  it('runs once more when they have come, and no more after that', async () => {
    const views = new Views(list)
    const second = await views.second()
    await second.get('/page')
    expect(views.passes).toBe(2)
    await second.get('/page')
    expect(views.passes).toBe(3)
    const { fragmentHits, fragmentMisses } = second.cache.stats()
    expect([fragmentHits, fragmentMisses, views.rows.seen()]).toEqual([4, 1, []])
  })

  it('is remembered by what it showed: all of that is read before it runs, and it runs once', async () => {
    const views = new Views(list)
    const second = await views.second()
    await second.get('/page')
    const third = await views.shared.start()
    await third.cache.touch(node(views.rows.change('2.1', 'other')))
    await third.get('/page')
    await views.shared.written(third)
    await second.happened('invalidate')
    views.passes = 0
    views.rows.seen()
    const scripts = await views.shared.scriptsOf(async () => {
      expect((await second.get('/page')).body).toContain('other')
    })
    expect([scripts, views.passes, views.rows.seen()]).toEqual([1, 1, []])
  })

  it('runs once where Redis is gone, and its bodies with it', async () => {
    const own = await RedisServer.start()
    const views = new Views(list, {}, own)
    const second = await views.second()
    await own.stop()
    await until('it is gone', () => second.cache.status()?.connected === false)
    expect((await second.get('/page')).status).toBe(200)
    expect([views.passes, views.rows.seen()]).toEqual([1, ['1', '1.1', '1.2', '2', '2.1', '2.2']])
  })

  it('runs once where the engine of the application gives the text itself, and its bodies with it', async () => {
    const plain = `<%- pass() %><% for (const row of rows) { %><%- cacheFragment('card', node(row), () => row.seen + row.id) %><% } %>`
    const views = new Views(plain, { engine: ejs.renderFile })
    const second = await views.second()
    expect((await second.get('/page')).body).toBe('12')
    expect([views.passes, views.rows.seen()]).toEqual([1, ['1', '2']])
  })

  it('leaves nothing behind of a run that is thrown away', async () => {
    const views = new Views(
      `<% if (cacheFragment('a', () => 'text') === '') { cacheflow.tag('leak').maxAge(1).noStore('leak') } %>` +
        `<%- cacheFragment('b', (fragment) => { fragment.addAsset('css', 'b.css'); return 'b ' }) %>` +
        `<%= cacheflow.assets('css').join() %><% cacheflow.tag('kept').maxAge('1h') %>`,
      { place: 'Express 5', isPersonal: false },
    )
    const second = await views.second('/page?first')
    expect((await second.get('/page?second')).body).toBe('b b.css')
    const [stored] = second.seen('store')
    expect([stored?.tags, stored?.ttl]).toEqual([['kept'], 3600])
    expect(second.seen('fragment').map(({ reason }) => reason)).toEqual(['fresh', 'fresh'])
  })

  it('tells once, and writes once, what was made in a run that is thrown away', async () => {
    const views = new Views(
      `<%- cacheFragment('solo', () => { %><%= rows[0].seen %>solo<% }) %>${list}`,
    )
    const second = await views.second()
    await second.cache.touch(node(views.rows.change('2.1', 'other')))
    await second.cache.invalidate({ fragment: 'solo' })
    second.forget()
    const scripts = await views.shared.scriptsOf(async () => {
      await second.get('/page')
      await views.shared.written(second)
    })
    expect(views.passes).toBe(3)
    expect(scripts).toBe(2)
    const told = second.seen('fragment').map(({ key, stored }) => [key.split(' digest')[0], stored])
    expect(told).toEqual([
      ['fragment:solo', true],
      ['fragment:card node:1', false],
      ['fragment:item node:2.1', true],
      ['fragment:item node:2.2', false],
      ['fragment:card node:2', true],
    ])
  })

  it('may fail for what is missing in a run that is thrown away', async () => {
    const views = new Views(`<%= JSON.parse(cacheFragment('a', { json: true }, () => [7]))[0] %>`)
    expect((await (await views.second()).get('/page')).body).toBe('7')
  })

  it('does not call onError for what is missing in a run that is thrown away', async () => {
    const views = new Views(
      `<%- cacheFragment('outer', { onError: () => 'sorry' }, () => String(JSON.parse(cacheFragment('inner', { json: true }, () => [7]))[0])) %>`,
    )
    const second = await views.second()
    await second.cache.invalidate({ fragment: 'outer' })
    second.forget()
    expect((await second.get('/page')).body).toBe('7')
    expect(
      second.seen('fragment').map(({ fragment, uncacheable: refusal }) => [fragment, refusal]),
    ).toEqual([
      ['inner', undefined],
      ['outer', undefined],
    ])
  })

  it('whose keys are others each time is shown after a few runs', async () => {
    const views = new Views(
      `<%- pass() + cacheFragment('a', { key: String(Math.random()) }, () => 'a') %>`,
    )
    const second = await views.second()
    expect((await second.get('/page')).body).toBe('a')
    expect(views.passes).toBe(6)
  })

  it('is shown with each error as without a cache, and what was stored before it is told', async () => {
    const views = new Views(
      `<%- cacheFragment('a', () => cacheFragment('b', () => 'b')) %><% if (pass() === '') throw new Error('no') %>`,
    )
    const first = await views.shared.start()
    const { status, body } = await first.get('/page')
    expect([status, body.endsWith('no')]).toEqual([500, true])
    expect(first.seen('fragment').map(({ fragment, stored }) => [fragment, stored])).toEqual([
      ['b', true],
      ['a', true],
    ])
  })
})
