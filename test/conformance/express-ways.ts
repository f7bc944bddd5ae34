import { fileURLToPath } from 'node:url'
import type { Application, NextFunction, Request, Response } from 'express'
import type { WireRequest } from '../support/wire.ts'

/** One way of answering through Express's response. */
export interface ExpressWay {
  readonly title: string
  readonly answer: (request: Request, response: Response, next: NextFunction) => unknown
  readonly settings?: (app: Application) => void
  readonly request?: WireRequest
  /** The second request is answered from the store. Default true. */
  readonly isStored?: boolean
}

const file = fileURLToPath(new URL(import.meta.url))
const value = { name: '<b>Grüße</b> & more', nested: { list: [1, 2, null] }, at: new Date(0) }

function jsonSettings(app: Application): void {
  app.set('json spaces', 2)
  app.set('json escape', true)
  app.set('json replacer', (key: string, each: unknown) => (key === 'list' ? 'hidden' : each))
}

export const expressWays: readonly ExpressWay[] = [
  { title: 'C-29: res.json', answer: (_, response) => response.json(value) },
  {
    title: 'C-29: res.json with spaces, escapes and a replacer',
    answer: (_, response) => response.json(value),
    settings: jsonSettings,
  },
  {
    title: 'C-29: res.json twice, the second of which is refused',
    answer: (_, response) => {
      response.json(value)
      try {
        response.json({ late: true })
      } catch {
        // As without the cache.
      }
    },
  },
  { title: 'C-29: res.json of null', answer: (_, response) => response.json(null) },
  {
    title: 'C-29: res.jsonp',
    answer: (_, response) => response.jsonp(value),
    request: { path: '/?callback=take' },
  },
  { title: 'C-1: res.send of a text', answer: (_, response) => response.send('Grüße') },
  {
    title: 'C-1: res.send of a long text',
    answer: (_, response) => response.send('ü'.repeat(5_000)),
  },
  {
    title: 'C-2: res.send of bytes',
    answer: (_, response) => response.send(Buffer.from([0, 128, 255])),
  },
  { title: 'C-1: res.send of nothing', answer: (_, response) => response.send() },
  { title: 'C-8: res.sendStatus', answer: (_, response) => response.sendStatus(410) },
  {
    title: 'C-8: res.redirect for good',
    answer: (_, response) => response.redirect(301, '/elsewhere'),
  },
  {
    title: 'C-8: res.redirect for now, which is not stored',
    answer: (_, response) => response.redirect('/elsewhere'),
    isStored: false,
  },
  {
    title: 'C-8: res.links, res.location, res.vary, res.append',
    answer: (_, response) => {
      response.links({ next: '/2', last: '/9' }).location('/here').vary('X-Kind')
      response.append('X-Multi', '1').append('X-Multi', ['2', '3']).send('x')
    },
  },
  {
    title: 'C-8: res.format with Accept',
    answer: (_, response) =>
      response.format({ html: () => response.send('<p>x</p>'), json: () => response.json([1]) }),
    request: { headers: { accept: 'application/json' } },
  },
  {
    title: 'C-12: res.sendFile',
    answer: (_, response) => response.sendFile(file, { maxAge: '1h' }),
  },
  {
    title: 'C-12: res.download',
    answer: (_, response) => response.download(file, 'ways.ts', { maxAge: '1h' }),
  },
  {
    title: 'C-12: res.sendFile with a range',
    answer: (_, response) => response.sendFile(file, { maxAge: '1h' }),
    request: { headers: { range: 'bytes=3-9' } },
    isStored: false,
  },
  {
    title: 'C-16: an ETag of its own',
    answer: (_, response) => response.set('ETag', '"mine"').send('x'),
  },
  {
    title: 'C-16: no ETag at all',
    answer: (_, response) => response.send('x'),
    settings: (app) => void app.set('etag', false),
  },
  {
    title: 'C-16: no X-Powered-By',
    answer: (_, response) => response.send('x'),
    settings: (app) => void app.disable('x-powered-by'),
  },
  {
    title: 'C-9: res.cookie',
    answer: (_, response) => response.cookie('a', '1').send('x'),
    isStored: false,
  },
  {
    title: 'C-9: res.clearCookie',
    answer: (_, response) => response.clearCookie('a').send('x'),
    isStored: false,
  },
  { title: "C-17: nobody's path, which is Express's own 404", answer: (_, __, next) => next() },
  {
    title: "C-17: an error, which is Express's own 500",
    answer: (_, __, next) => next(Object.assign(new Error('broken'), { stack: 'Error: broken' })),
    isStored: false,
  },
  {
    title: 'C-17: an error after the head, which breaks the connection',
    answer: (_, response, next) => {
      response.write('half')
      setImmediate(() => next(new Error('broken')))
    },
    isStored: false,
  },
  {
    title: 'C-13: res.send for HEAD',
    answer: (_, response) => response.send('x'),
    request: { method: 'HEAD' },
    isStored: false,
  },
]
