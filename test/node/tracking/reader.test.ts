import cookieParser from 'cookie-parser'
import session from 'express-session'
import { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import { describe, expect, it } from 'vitest'
import { ReadTracker } from '../../../src/request/read-tracker.ts'
import { observe } from '../../../src/node/tracking/observer.ts'
import { readers } from '../../../adapters/express/readers.ts'
import { expressApplication } from '../../support/application.ts'

/** A request with two cookies that cookie-parser has read, and what was noted of it. */
function parsed(): { readonly request: IncomingMessage; readonly observation: ReadTracker } {
  const request = new IncomingMessage(new Socket())
  request.headers = { cookie: 'theme=dark; sid=1' }
  const observation = new ReadTracker(new Set(), new Set())
  const response = new ServerResponse(request)
  observe({ message: request, response, readers }, observation, undefined)
  cookieParser('secret')(request as never, response as never, () => undefined)
  return { request, observation }
}

function cookiesOf(request: IncomingMessage): Record<string, string> {
  return Reflect.get(request, 'cookies') as Record<string, string>
}

describe('cookie-parser', () => {
  it('reads the whole header and looks through all cookies, and that makes nothing private', () => {
    const { observation } = parsed()
    expect(observation.privateRead).toBeUndefined()
    expect([...observation.inputs]).toEqual([])
  })

  it('offers cookies whose reads by name become inputs', () => {
    const { request, observation } = parsed()
    expect(cookiesOf(request)['theme']).toBe('dark')
    expect([...observation.inputs]).toEqual(['cookie:theme'])
    expect(observation.privateRead).toBeUndefined()
  })

  it('does not excuse an application that enumerates its cookies', () => {
    const enumerations = [
      (jar: object) => Object.keys(jar),
      (jar: object) => ({ ...jar }),
      (jar: object) => JSON.stringify(jar),
      (jar: object) => Reflect.ownKeys(jar),
    ]
    for (const enumerate of enumerations) {
      const { request, observation } = parsed()
      enumerate(cookiesOf(request))
      expect(observation.privateRead?.reason).toBe('cookie-read')
    }
  })
})

describe('express-session', () => {
  it('looks for its cookie in the jars of cookie-parser, and that selects no variants', async () => {
    const app = await expressApplication((server, cache) => {
      server.use(cache)
      server.use(cookieParser())
      server.use(session({ secret: 'secret', resave: false, saveUninitialized: false }))
      server.get('/', (_request, response) => {
        response.send('for everybody')
      })
    })
    await app.get('/', { Cookie: 'connect.sid=alice' })
    await app.get('/', { Cookie: 'connect.sid=bob' })
    expect(app.seen('store').map(({ vary }) => vary)).toEqual([[]])
    expect(app.seen('hit').map(({ reason }) => reason)).toEqual(['fresh'])
  })
})
