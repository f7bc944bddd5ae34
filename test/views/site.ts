import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { CacheflowOptions } from 'cacheflow'
import { cacheflow as forExpress } from 'cacheflow/express'
import { cacheflow as forKoa } from 'cacheflow/koa'
import express5, { type ErrorRequestHandler } from 'express'
import express4 from 'express4'
import Koa3 from 'koa'
import Koa2 from 'koa2'
import { expect, onTestFinished } from 'vitest'
import { Application } from '../support/application.ts'
import type { Language, Opened } from './language.ts'
import { Rows } from './rows.ts'

/** Where views are rendered. */
export const places = ['Express 5', 'Express 4', 'Koa 3', 'Koa 2'] as const
export type Place = (typeof places)[number]

/** Templates in a folder of their own, until the test is over. */
export function folderOf(language: Language, templates: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(tmpdir(), 'cacheflow-views-'))
  onTestFinished(() => {
    rmSync(folder, { recursive: true, force: true })
  })
  writeTemplates(folder, language, templates)
  return folder
}

export function writeTemplates(
  folder: string,
  language: Language,
  templates: Readonly<Record<string, string>>,
): void {
  for (const [name, source] of Object.entries(templates)) {
    writeFileSync(join(folder, `${name}.${language.extension}`), source)
  }
}

/** An application that renders a view by its name: `/page`. */
export async function site(
  place: Place,
  language: Language,
  folder: string,
  locals: () => object,
  options: CacheflowOptions<unknown> = {},
): Promise<Application> {
  const app = await Application.start((made) => {
    const given = { clock: () => made.now, ...options }
    return place === 'Koa 3' || place === 'Koa 2'
      ? onKoa(place, language, folder, locals, given)
      : onExpress(place, language, folder, locals, given)
  })
  // Of the first request that shows fragments nothing is stored: nobody had to observe it.
  await app.get('/first-of-all')
  app.forget()
  return app
}

type Mounted = ReturnType<Parameters<typeof Application.start>[0]>

function onExpress(
  place: 'Express 5' | 'Express 4',
  language: Language,
  folder: string,
  locals: () => object,
  options: CacheflowOptions<unknown>,
): Mounted {
  // The two majors have types of their own, equal in all that is used here.
  const express = place === 'Express 4' ? (express4 as unknown as typeof express5) : express5
  const cache = forExpress(options)
  const app = express()
  app.set('env', 'test')
  app.set('views', folder)
  // As in production; on Koa the templates are read anew each time.
  app.enable('view cache')
  app.set('view engine', language.extension)
  language.open(folder, false).mount(app)
  app.use(cache)
  app.get('/first-of-all', (_request, response) => {
    response.send(response.locals.cacheFragment('first', () => 'first'))
  })
  app.get('/:view', (request, response) => {
    const { cacheflow } = response.locals
    response.render(request.params.view, { cacheflow, ...locals() })
  })
  const failed: ErrorRequestHandler = (error, _request, response, _next) => {
    response.status(500).send(messageOf(error))
  }
  app.use(failed)
  return { cache, listener: app }
}

function onKoa(
  place: 'Koa 3' | 'Koa 2',
  language: Language,
  folder: string,
  locals: () => object,
  options: CacheflowOptions<unknown>,
): Mounted {
  const cache = forKoa(options)
  const app = place === 'Koa 2' ? new Koa2() : new Koa3()
  app.silent = true
  app.use(cache)
  app.use(async (ctx) => {
    if (ctx.path === '/first-of-all') {
      ctx.body = ctx.state['cacheFragment']('first', () => 'first')
      return
    }
    // Every request opens its own engine: what another instance of the application would do.
    const engine: Opened = language.open(folder, false)
    // A stored page would hide whether its fragments are: here they are looked at each time.
    ctx.state['cacheflow'].noStore('its fragments are tested')
    try {
      ctx.type = 'html'
      const { render, late } = engine
      const show = options.redis === undefined ? render : (late ?? render)
      ctx.body = await show(ctx.path.slice(1), { ...ctx.state, ...locals() })
    } catch (error) {
      ctx.status = 500
      ctx.body = messageOf(error)
    }
  })
  return { cache, listener: app.callback() }
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

/** A site on Koa, of templates written by hand and an engine set up by hand. */
export async function siteBy(
  language: Language,
  templates: Readonly<Record<string, string>>,
  open: (folder: string) => Opened['render'],
): Promise<Application> {
  const rows = new Rows(2, 2)
  const own: Language = {
    ...language,
    open: (folder) => ({ mount: () => undefined, render: open(folder) }),
  }
  return site('Koa 3', own, folderOf(own, templates), () => rows.locals())
}

/** What two requests show, of which the second takes all from the cache. */
export async function shownTwice(app: Application): Promise<string> {
  const first = await app.get('/page')
  expect(first.status, first.body).toBe(200)
  app.forget()
  expect((await app.get('/page')).body).toBe(first.body)
  expect(new Set(app.seen('fragment').map(({ reason }) => reason))).toEqual(new Set(['fresh']))
  return first.body
}
