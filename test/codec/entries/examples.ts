import type {
  EntryContent,
  FragmentContent,
  ResponseContent,
} from '../../../src/codec/entry-head.ts'

const timeline = {
  cachedAt: 1_700_000_000_123.5,
  initialAge: 2_000,
  staleAt: 1_700_000_058_123.5,
  revalidateUntil: 1_700_000_088_123.5,
  errorUntil: 1_700_003_658_123.5,
  deleteAt: 1_700_004_258_123.5,
}

const page: ResponseContent = {
  kind: 'response',
  primaryKey: 'https://shop.example/posts/1',
  key: 'https://shop.example/posts/1 vary 15:accept-language=2:de;',
  status: 200,
  statusMessage: 'Ja wohl, sch\u00f6n',
  fields: [
    ...['Content-Type', 'text/html; charset=utf-8'],
    ...['Cache-Control', 'public, max-age=60, stale-while-revalidate=30'],
    ...['Link', '</app.css>; rel=preload'],
    ...['Link', '</app.js>; rel=preload'],
    ...['X-Author', 'Zo\u00eb\tB.'],
    ...['Last-Modified', 'Sun, 06 Nov 1994 08:49:37 GMT'],
    ...['Date', 'Tue, 14 Nov 2023 22:13:20 GMT'],
    ...['ETag', '"1f4-own"'],
  ],
  isControlOurs: true,
  added: ['link'],
  removed: ['x-powered-by'],
  body: Buffer.from('<h1>Gr\u00fc\u00dfe \u{1F44B}</h1>'),
  form: 'text',
  validators: { etag: '"1f4-own"', lastModified: 784_111_777_000 },
  confirmable: [
    ...['Content-Type', 'text/html; charset=utf-8'],
    ...['Link', '</app.js>; rel=preload'],
    ...['Last-Modified', 'Sun, 06 Nov 1994 08:49:37 GMT'],
    ...['ETag', '"1f4-theirs"'],
  ],
  timeline,
  mayServeStale: true,
  noCache: false,
  servesAuthorized: true,
  wasAuthorized: false,
  group: 'readers of \u6771\u4eac',
  tags: ['posts', 'post:1', 'caf\u00e9', '\u6771\u4eac'],
  route: '/posts/:id',
  inputs: ['accept-language'],
}

const bare: ResponseContent = {
  kind: 'response',
  primaryKey: 'http://localhost:3000/',
  key: 'http://localhost:3000/',
  status: 404,
  statusMessage: undefined,
  fields: [],
  isControlOurs: false,
  added: [],
  removed: [],
  body: Buffer.alloc(0),
  form: 'none',
  validators: { etag: undefined, lastModified: undefined },
  confirmable: undefined,
  timeline: { ...timeline, initialAge: 0 },
  mayServeStale: false,
  noCache: true,
  servesAuthorized: false,
  wasAuthorized: false,
  group: undefined,
  tags: [],
  route: undefined,
  inputs: [],
}

const fragment: FragmentContent = {
  kind: 'fragment',
  key: 'fragment:posts/card post:7 key=de for=editor',
  name: 'posts/card',
  version: '2023-11-14T22:13:20.123Z',
  text: '<li>Gr\u00fc\u00dfe \u{1F44B} aus \u6771\u4eac</li>',
  timeline: {
    ...timeline,
    staleAt: Infinity,
    revalidateUntil: Infinity,
    errorUntil: Infinity,
    deleteAt: Infinity,
  },
  tags: ['posts'],
  assets: new Map([
    ['styles', ['/card.css', '/theme.css']],
    ['icons', []],
  ]),
  inputs: ['accept-language', 'cookie:theme'],
  group: 'editor',
}

const latin: FragmentContent = {
  ...fragment,
  key: 'fragment:footer',
  name: 'footer',
  version: '',
  text: 'caf\u00e9',
  timeline,
  tags: [],
  assets: new Map(),
  inputs: [],
  group: undefined,
}

const broken: FragmentContent = { ...latin, text: 'half a \ud83d pair', tags: ['\udc4b'] }

/** Entries by the names of their files beside this one. */
export const examples = { page, bare, fragment, latin, broken } satisfies Record<
  string,
  EntryContent
>

/** Large enough to be compressed. */
export const longPage: ResponseContent = {
  ...page,
  body: Buffer.from('<li>Gr\u00fc\u00dfe</li>\n'.repeat(100)),
}
