import { expect, it } from 'vitest'
import express from 'express'
import { expressApplication } from '../support/application.ts'
import { root } from '../house/imports.ts'

it('reads of conditions and ranges, as express.static makes them, select no variants', async () => {
  const app = await expressApplication((server, cache) => {
    server.use(cache)
    server.use(express.static(root))
  })
  const answer = await app.get('/LICENSE')
  expect(answer.status).toBe(200)
  expect(answer.headers['vary']).toBeUndefined()
  expect(app.seen('store').map(({ vary }) => vary)).toEqual([[]])
})
