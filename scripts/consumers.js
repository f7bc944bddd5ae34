// Compiles applications against the tarball, the declarations of the package and its dependencies included
// (skipLibCheck off): on both majors of each framework, and without any framework.
import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { application, root } from './package.js'

const express = `
  import { createServer } from 'node:http'
  import express from 'express'
  import { cacheflow } from 'cacheflow/express'

  const cache = cacheflow({ maxAge: '1m' })
  const app = express()
  app.use(cache)
  app.get('/posts/:id', cache.route({ maxAge: '1h', tags: ['posts'] }), (req, res) => {
    const id: string = req.params.id
    // @ts-expect-error -- the route has no such parameter
    req.params.other
    res.send(id)
  })
  createServer(cache.wrap(app))
`
const koa = `
  import { createServer } from 'node:http'
  import Koa from 'koa'
  import { cacheflow } from 'cacheflow/koa'

  const cache = cacheflow({ maxAge: '1m' })
  const app = new Koa()
  app.use(cache)
  app.use((ctx) => {
    ctx.body = 'page'
  })
  createServer(cache.wrap(app))
`
const alone = `
  import * as cacheflow from 'cacheflow'
  import * as adapter from 'cacheflow/adapter'
  import * as views from 'cacheflow/views'

  export const names = [cacheflow, adapter, views].flatMap((entry) => Object.keys(entry))
`

const consumers = [
  {
    name: 'Express 5',
    code: express,
    types: { '@types/express': '@types/express', express: 'express' },
  },
  {
    name: 'Express 4',
    code: express,
    types: { '@types/express': '@types/express4', express: 'express4' },
  },
  { name: 'Koa 3', code: koa, types: { '@types/koa': '@types/koa', koa: 'koa' } },
  { name: 'Koa 2', code: koa, types: { '@types/koa': '@types/koa2', koa: 'koa2' } },
  { name: 'neither', code: alone, types: {} },
]

const compilerOptions = {
  target: 'es2022',
  module: 'nodenext',
  strict: true,
  noEmit: true,
  skipLibCheck: false,
  types: ['node'],
}

let failed = 0
for (const { name, code, types } of consumers) {
  const { folder, remove } = application(process.argv[2], {
    ...types,
    '@types/node': '@types/node',
  })
  try {
    writeFileSync(join(folder, 'app.mts'), code)
    writeFileSync(
      join(folder, 'tsconfig.json'),
      JSON.stringify({ compilerOptions, include: ['*.mts'] }),
    )
    const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc')
    const run = spawnSync(process.execPath, [tsc, '-p', folder, '--pretty', 'false'], {
      encoding: 'utf8',
    })
    // Other packages' declarations have mistakes of their own; what counts stands in this application.
    const lines = run.stdout.split('\n').filter((line) => line.includes(basename(folder)))
    if (run.status === 0 || (run.stdout !== '' && lines.length === 0)) continue
    failed++
    console.log([`an application on ${name}:`, ...lines, run.stderr].join('\n'))
  } finally {
    remove()
  }
}
console.log(`${consumers.length - failed} compile, ${failed} do not`)
process.exitCode = failed > 0 ? 1 : 0
