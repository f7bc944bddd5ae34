import session from 'express-session'
import { describe, expect, it } from 'vitest'
import { expressStages, pageStages } from '../support/stages.ts'
import { Visitor } from '../support/visitor.ts'

/** What a victim is lured to: the page of his account under the name of a file that everybody may have. */
const lures = [
  '/account/x.css',
  '/account/x.js',
  '/account;.js',
  '/account%2fx.png',
  '/account%00.css',
  '/account/.well-known/x.txt',
  '/account?x.css',
  '/account/../account/x.jpg',
  '/account%0a.svg',
  '//account/x.ico',
]

for (const { name: stage, open } of pageStages) {
  describe(stage, () => {
    it('S-13: no name of a file makes the page of an account storable', async () => {
      const app = await open({
        page: ({ headers }) => ({
          fields: { 'Content-Type': 'text/css' },
          body: `account of ${headers.cookie ?? headers.authorization ?? 'nobody'}`,
        }),
      })
      for (const path of lures) {
        await app.get(path, { Cookie: 'sid=alice' })
        await app.get(path, { Authorization: 'alice' })
        expect((await app.get(path)).body).toBe('account of nobody')
        expect((await app.get(path, { Cookie: 'sid=bob' })).body).toBe('account of sid=bob')
      }
    })

    it('S-13: nor does a lifetime that a path rule adds to every file', async () => {
      const app = await open({
        options: { maxAge: 'http' },
        page: ({ headers }) => ({
          fields: { 'Cache-Control': 'max-age=3600' },
          body: `account of ${headers.cookie ?? 'nobody'}`,
        }),
      })
      for (const path of lures) {
        await app.get(path, { Cookie: 'sid=alice' })
        expect((await app.get(path)).body).toBe('account of nobody')
      }
    })
  })
}

for (const { name: stage, open } of expressStages) {
  describe(stage, () => {
    it('S-13: who is lured by a session gives nothing away', async () => {
      const app = await open({
        before: [session({ secret: 'x', resave: false, saveUninitialized: false })],
        handler: (request, response) => {
          const kept = Reflect.get(request, 'session') as { user?: string }
          if (request.path === '/login') kept.user = 'alice'
          response.type('css').send(`account of ${kept.user ?? 'nobody'}`)
        },
      })
      const alice = new Visitor(app)
      await alice.see('/login')
      for (const path of lures) {
        expect(await alice.see(path)).toBe('account of alice')
        expect(await new Visitor(app).see(path)).toBe('account of nobody')
      }
    })
  })
}
