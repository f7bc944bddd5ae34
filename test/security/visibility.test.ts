import { readFileSync, readdirSync } from 'node:fs'
import { Socket } from 'node:net'
import { describe, expect, it } from 'vitest'
import { fastly } from 'cacheflow'
import { application, hosts } from '../support/application.ts'
import { expressStages, pageStages } from '../support/stages.ts'

describe.each(hosts)('behind %s', (host) => {
  it('S-34: tags, keys, reasons and the directives for us alone are not shown', async () => {
    const app = await application(
      ({ draft }) => {
        draft.tag('secret-tag')
        return {
          fields: { 'Cacheflow-Cache-Control': 'max-age=7', 'Surrogate-Control': 'max-age=9' },
        }
      },
      { key: () => 'secret-key', tags: ['secret-too'], debug: false },
      host,
    )
    for (let i = 0; i < 2; i++) {
      const { lines } = await app.get('/')
      expect(lines.join(' ')).not.toMatch(/secret|surrogate|cacheflow-(cache-control|why)/i)
    }
  })

  it('S-34: tags are shown where a surrogate was named, and the key where debugging was asked for', async () => {
    const app = await application(
      ({ draft }) => {
        draft.tag('posts')
        return {}
      },
      { surrogate: fastly(), cacheStatus: 'debug' },
      host,
    )
    for (let i = 0; i < 2; i++) {
      const { headers } = await app.get('/')
      expect(headers['surrogate-key']).toBe('posts')
      expect(headers['cache-status']).toContain('key=')
    }
  })

  it('S-35: nothing that a request says evicts, or keeps it from the cache', async () => {
    const app = await application(
      () => ({ fields: { 'Cache-Groups': '"posts"' } }),
      { tags: ['posts'] },
      host,
    )
    await app.get('/')
    for (const headers of [
      { 'Surrogate-Key': 'posts' },
      { 'Cache-Tag': 'posts' },
      { 'Cache-Group-Invalidation': '"posts"' },
      { 'Cache-Control': 'no-cache' },
      { 'Cache-Control': 'max-age=0' },
      { Pragma: 'no-cache' },
      { 'X-Apicache-Bypass': 'true' },
      { 'X-Cache-Bypass': '1' },
      { 'Cacheflow-Cache-Control': 'no-store' },
    ]) {
      expect((await app.get('/', headers)).body).toBe('made 1')
    }
    expect(app.seen('invalidate')).toEqual([])
  })

  it('S-36: PURGE and BAN are methods like others: they fell their own target when the application accepts them', async () => {
    const app = await application(
      ({ request, run }) =>
        request.method === 'GET'
          ? {}
          : { status: request.url === '/open' ? 200 : 405, body: `${run}` },
      { tags: ['all'] },
      host,
    )
    await app.get('/open')
    await app.get('/closed')
    for (const method of ['PURGE', 'DELETE']) {
      for (const path of ['/closed', '/open', '/'])
        await app.ask(path, { method, headers: { 'Surrogate-Key': 'all' } })
    }
    expect((await app.get('/closed')).body).toBe('made 2')
    expect((await app.get('/open')).body).not.toBe('made 1')
  })

  it('S-39: no reason, tag or key breaks a head in two', async () => {
    const evil = 'x\r\nSet-Cookie: sid=evil\r\n\r\n<html>'
    const app = await application(
      ({ draft }) => {
        draft.tag(evil)
        draft.noStore(evil)
        return {}
      },
      { debug: true, cacheStatus: 'debug', key: () => evil },
      host,
    )
    for (let i = 0; i < 2; i++) {
      const answer = await app.get('/')
      expect([answer.status, answer.headers['set-cookie']]).toEqual([200, undefined])
    }
    const { sequence } = await app.cache.invalidate({ tag: evil })
    expect(sequence).toBe(1)
  })

  it('S-39: what Node refuses in a head, it refuses behind the cache too', async () => {
    const app = await application(
      ({ request }) => ({
        fields:
          request.url === '/location'
            ? { Location: 'x\r\nSet-Cookie: evil=1' }
            : { 'X-Name': 'a\nb' },
      }),
      {},
      host,
    )
    for (const path of ['/location', '/name', '/location']) {
      const answer = await app.get(path)
      expect([answer.status, answer.headers['set-cookie']]).toEqual([500, undefined])
    }
    expect(app.seen('store')).toEqual([])
  })
})

describe('the socket', () => {
  it('S-42: nothing in the source writes to a socket, or takes it from Node', () => {
    const files = ['src', 'adapters'].flatMap((folder) =>
      readdirSync(new URL(`../../${folder}/`, import.meta.url), {
        recursive: true,
        encoding: 'utf8',
      })
        .filter((name) => name.endsWith('.ts'))
        .map((name) => new URL(`../../${folder}/${name}`, import.meta.url)),
    )
    expect(files.length).toBeGreaterThan(40)
    for (const file of files) {
      const source = readFileSync(file, 'utf8')
      expect(source, file.pathname).not.toMatch(
        /(socket|connection)\??\.(write|end|cork|_write)\b|detachSocket/,
      )
    }
  })

  it.each(pageStages.filter(({ name }) => /first|behind|route$/.test(name)))(
    'S-42: a hit goes through writeHead and end: $name',
    async ({ open }) => {
      const written: string[] = []
      const { write } = Socket.prototype
      const app = await open({ page: () => ({ body: 'the page' }) })
      await app.get('/')
      Socket.prototype.write = function watched(this: Socket, ...given: unknown[]): boolean {
        written.push(new Error('a write').stack ?? '')
        return Reflect.apply(write, this, given) as boolean
      }
      try {
        expect((await app.get('/')).body).toBe('the page')
      } finally {
        Socket.prototype.write = write
      }
      for (const stack of written) expect(stack).toMatch(/node:_http_(outgoing|server|client)/)
    },
  )
})

for (const { name: stage, open } of expressStages) {
  describe(stage, () => {
    it('S-34: what the application itself says to its CDN passes unchanged', async () => {
      const app = await open({
        handler: (_request, response) => {
          response.set({ 'Surrogate-Key': 'own', 'Cache-Tag': 'own' }).send('x')
        },
      })
      for (let i = 0; i < 3; i++) {
        const { headers } = await app.get('/')
        expect([headers['surrogate-key'], headers['cache-tag']]).toEqual(['own', 'own'])
      }
    })
  })
}
