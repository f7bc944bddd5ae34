import { Router as KoaRouter } from '@koa/router'
import { cacheflow as forKoa } from 'cacheflow/koa'
import Koa from 'koa'
import { expect, it } from 'vitest'
import { Application, expressApplication } from '../support/application.ts'
import { expressStages } from '../support/stages.ts'

for (const { name: stage, place, open } of expressStages) {
  it(`${stage}: S-8: parameters that the key leaves out are in nobody else's page, seen or not`, async () => {
    const app = await open({
      options: { query: { ignore: ['utm'] } },
      before: [
        (request, response, next) => {
          response.locals['here'] = request.originalUrl
          next()
        },
      ],
      handler: (_request, response) => void response.send(String(response.locals['here'])),
    })
    expect((await app.get('/?utm=evil')).body).toContain('/')
    expect((await app.get('/')).body).toBe('/')
    // It may be answered from the store.
    expect((await app.get('/?utm=other')).body).toBe('/')
    const isFirst = place === 'first' || place === 'wrap'
    expect(app.runs).toBe(isFirst ? 1 : 2)
  })
}

it('S-8: nor where a route leaves them out that stands behind other middleware, in Express and Koa', async () => {
  const express = await expressApplication((app, cache) => {
    app.use(cache)
    app.use((request, response, next) => {
      response.locals['here'] = request.originalUrl
      next()
    })
    app.get('/', cache.route({ query: { only: [] } }), (_request, response) => {
      response.send(String(response.locals['here']))
    })
  })
  const koa = await Application.start(() => {
    const cache = forKoa()
    const router = new KoaRouter()
    router.get('/', cache.route({ query: { only: [] } }) as never, (ctx) => {
      ctx.body = String(ctx.state['here'])
    })
    const app = new Koa()
    app.use(cache)
    app.use(async (ctx, next) => {
      ctx.state['here'] = ctx.originalUrl
      await next()
    })
    app.use(router.routes())
    return { cache, listener: (...args) => void app.callback()(...args) }
  })
  for (const app of [express, koa]) {
    for (let i = 0; i < 2; i++) expect((await app.get('/?utm=evil')).body).toBe('/?utm=evil')
    expect((await app.get('/')).body).toBe('/')
    expect((await app.get('/?utm=evil')).body).toBe('/')
  }
})
