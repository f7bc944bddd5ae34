import { describe, expect, it } from 'vitest'
import { expressStages, pageStages } from '../support/stages.ts'

for (const { name: stage, open } of pageStages) {
  describe(stage, () => {
    it('S-14: what excuses one private read excuses none that follows', async () => {
      const app = await open({
        options: { vary: ['cookie:theme'] },
        page: (request) => {
          const { url, headers } = request
          const first = url === '/cookie' ? headers.cookie : headers.authorization
          const { rawHeaders } = request
          const user = rawHeaders[rawHeaders.indexOf('X-User') + 1]
          return {
            fields: url === '/cookie' ? {} : { 'Cache-Control': 'public, max-age=60' },
            body: `${first} ${user}`,
          }
        },
      })
      for (const [path, excused] of [
        ['/cookie', { Cookie: 'theme=dark' }],
        ['/credentials', { Authorization: 'Bearer A' }],
      ] as const) {
        for (const user of ['alice', 'bob']) {
          expect((await app.get(path, { ...excused, 'X-User': user })).body).toContain(user)
        }
      }
      expect(new Set(app.refusals)).toEqual(new Set(['headers-read']))
    })
  })
}

for (const { name: stage, open } of expressStages) {
  describe(stage, () => {
    it('S-14: nor the user, where the page may be shared by leave of public', async () => {
      const app = await open({
        before: [
          (request, _response, next) => {
            Reflect.set(request, 'user', request.get('authorization'))
            next()
          },
        ],
        handler: (request, response) => {
          response.set('Cache-Control', 'public, max-age=60')
          response.send(`for ${String(Reflect.get(request, 'user'))}`)
        },
      })
      for (const user of ['alice', 'bob']) {
        expect((await app.get('/', { Authorization: user })).body).toBe(`for ${user}`)
      }
    })
  })
}
