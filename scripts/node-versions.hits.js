// Runs in an application that has the package installed, under the Node version in question:
// every entry by import and by require, then a hit on each framework, mounted and wrapped.
import assert from 'node:assert/strict'
import { createServer, get } from 'node:http'
import { createRequire } from 'node:module'

const require = createRequire(import.meta.url)

for (const name of process.argv.slice(2)) {
  const names = (module) => Object.keys(module).filter((key) => key !== '__esModule')
  const imported = names(await import(name))
  assert.deepEqual(names(require(name)), imported, `require('${name}') differs from its import`)
}
console.log('import and require')

const page = `<!doctype html><p>${'cached '.repeat(200)}`

for (const name of ['express4', 'express5']) {
  const { default: express } = await import(name)
  const { cacheflow } = await import('cacheflow/express')
  await hits(name, cacheflow, (cache, mounted, render) => {
    const app = express()
    if (mounted) app.use(cache)
    app.get('/page', (_, res) => res.send(render()))
    return mounted ? app : cache.wrap(app)
  })
}

for (const name of ['koa2', 'koa3']) {
  const { default: Koa } = await import(name)
  const { cacheflow } = await import('cacheflow/koa')
  await hits(name, cacheflow, (cache, mounted, render) => {
    const app = new Koa()
    if (mounted) app.use(cache)
    app.use((ctx) => {
      ctx.type = 'html'
      ctx.body = render()
    })
    return mounted ? app.callback() : cache.wrap(app)
  })
}

async function hits(name, cacheflow, build) {
  for (const mounted of [true, false]) {
    let renders = 0
    const cache = cacheflow({ maxAge: '1m' })
    const listener = build(cache, mounted, () => {
      renders++
      return page
    })
    const server = createServer(listener)
    await new Promise((resolve) => server.listen(0, resolve))
    try {
      const first = await fetchPage(server.address().port)
      // Storing may end a moment after the response has.
      await new Promise((resolve) => setTimeout(resolve, 20))
      const second = await fetchPage(server.address().port)
      assert.equal(first.status, 200)
      assert.equal(first.body, page)
      assert.match(String(first.headers['cache-status']), /^cacheflow; fwd=uri-miss; stored/)
      assert.equal(second.status, 200)
      assert.equal(second.body, page)
      assert.match(String(second.headers['cache-status']), /^cacheflow; hit/)
      assert.equal(renders, 1)
    } finally {
      await cache.close()
      server.close()
      server.closeAllConnections()
    }
  }
  console.log(`${name}: a hit, mounted and wrapped`)
}

function fetchPage(port) {
  return new Promise((resolve, reject) => {
    get({ port, path: '/page', agent: false }, (response) => {
      let body = ''
      response.setEncoding('utf8').on('data', (chunk) => (body += chunk))
      response.on('error', reject).on('end', () => {
        resolve({ status: response.statusCode, headers: response.headers, body })
      })
    }).on('error', reject)
  })
}
