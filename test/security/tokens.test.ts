import { describe, expect, it } from 'vitest'
import { pageStages } from '../support/stages.ts'

/** Bodies with a token that is made anew for each visitor. */
const personal = {
  '/script': ['text/html', (token: string) => `<script>window.App={csrfToken:"${token}"}</script>`],
  '/attribute': ['text/html', (token: string) => `<body data-csrf-token="${token}">`],
  '/field': ['text/html', (token: string) => `<input type="hidden" name="token" value="${token}">`],
  '/meta': ['text/html', (token: string) => `<meta property="csp-nonce" content="${token}">`],
  '/json': ['application/json', (token: string) => JSON.stringify({ csrfToken: token })],
} as const

const shared = {
  '/comment': ['text/html', () => '<p>my comment: name=csrf value=x1 </p>'],
  '/code': ['text/html', () => '<pre>&lt;input name="_csrf" value="x1"&gt;</pre>'],
  '/empty': ['text/html', () => '<meta name="csrf-token" content="">'],
  '/settings': ['application/json', () => '{"csrf":"disabled"}'],
} as const

const bodies = new Map<string, readonly [type: string, body: (token: string) => string]>(
  Object.entries({ ...personal, ...shared }),
)

describe.each(pageStages)('$name', ({ open }) => {
  it('a token for one visitor is shown to no other, wherever it stands; text about tokens is shared', async () => {
    let visitors = 0
    const app = await open({
      page: ({ url = '' }) => {
        const [type, body] = bodies.get(url) ?? ['text/plain', () => '']
        return { fields: { 'Content-Type': type }, body: body(`tok-${++visitors}-Ab3`) }
      },
    })
    for (const path of Object.keys(personal)) {
      const [first, second] = [await app.get(path), await app.get(path)]
      expect([path, first.body === second.body]).toEqual([path, false])
    }
    for (const path of Object.keys(shared)) {
      const before = visitors
      await app.get(path)
      await app.get(path)
      expect([path, visitors - before]).toEqual([path, 1])
    }
  })
})
