import cookieParser from 'cookie-parser'
import { describe, expect, it } from 'vitest'
import { expressStages, pageStages } from '../support/stages.ts'

for (const { name: stage, open } of pageStages) {
  describe(stage, () => {
    it('S-14: a token that is revoked gets nothing from the store, wherever it was sent', async () => {
      const valid = new Set(['good'])
      const app = await open({
        page: ({ headers, url }) => {
          const token = String(headers[url?.slice(1) ?? ''])
          return { body: valid.has(token) ? 'a private record' : 'no' }
        },
      })
      for (const name of ['x-parse-session-token', 'x-api-key', 'x-auth-token']) {
        valid.add('good')
        const ask = async (): Promise<string> =>
          (await app.get(`/${name}`, { [name]: 'good' })).body
        expect(await ask()).toBe('a private record')
        valid.delete('good')
        expect(await ask()).toBe('no')
        // Those who send none share.
        const before = app.runs
        for (let i = 0; i < 2; i++) await app.get(`/${name}`)
        expect(app.runs).toBe(before + 1)
      }
      expect(new Set(app.refusals)).toEqual(new Set(['credentials-read']))
    })

    it('an application that knows better says so, by vary or by notCredentials', async () => {
      const page = (name: string) => async (): Promise<number> => {
        const options = name === 'x-token-a' ? { vary: [name] } : { notCredentials: ['x-token-b'] }
        const app = await open({ options, page: ({ headers }) => ({ body: `${headers[name]}` }) })
        for (const value of ['1', '2', '1', '2']) {
          expect((await app.get('/', { [name]: value })).body).toBe(value)
        }
        return app.runs
      }
      expect(await page('x-token-a')()).toBe(2)
      expect(await page('x-token-b')()).toBe(2)
    })
  })
}

for (const { name: stage, open } of expressStages) {
  it(`${stage}: S-14: a cookie of a session that is read by name counts like a credential`, async () => {
    const sessions = new Map([['s1', 'alice']])
    const app = await open({
      before: [cookieParser()],
      handler: (request, response) => {
        const { sid = '' } = request.cookies as Record<string, string>
        response.send(sessions.get(sid) ?? 'nobody')
      },
    })
    expect((await app.get('/', { Cookie: 'sid=s1' })).body).toBe('alice')
    sessions.delete('s1')
    expect((await app.get('/', { Cookie: 'sid=s1' })).body).toBe('nobody')
  })
}
