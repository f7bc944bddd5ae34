import { describe, expect, it } from 'vitest'
import { expressStages, koaStages } from '../support/stages.ts'

/** What a client may put into a path, a query or a header. */
const words = ['x'.repeat(300), '%0a', '%00%7f', '%F0%9F%8D%AA'.repeat(100)]

describe.each(expressStages)('$name', ({ open }) => {
  it('a tag that a client has made is a tag, however long it is and whatever is in it', async () => {
    const app = await open({
      handler: (request, response) => {
        const name = decodeURIComponent(request.path)
        response.locals.cacheflow.tag(`post:${name}`)
        response.send(`page ${app.runs}`)
      },
    })
    for (const word of words) {
      const first = await app.get(`/${word}`)
      expect(first.status).toBe(200)
      expect((await app.get(`/${word}`)).body).toBe(first.body)
      await app.cache.invalidate({ tag: `post:${decodeURIComponent(`/${word}`)}` })
      expect((await app.get(`/${word}`)).body).not.toBe(first.body)
    }
  })
})

describe.each(koaStages)('$name', ({ open }) => {
  it('a tag that a client has made is a tag, however long it is and whatever is in it', async () => {
    const app = await open({
      handler: (ctx) => {
        ctx.state.cacheflow.tag(`post:${decodeURIComponent(ctx.path)}`)
        ctx.body = `page ${app.runs}`
      },
    })
    for (const word of words) {
      const first = await app.get(`/${word}`)
      expect(first.status).toBe(200)
      expect((await app.get(`/${word}`)).body).toBe(first.body)
    }
  })
})
