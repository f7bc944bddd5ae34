import { readFileSync } from 'node:fs'
import { Cluster, Redis } from 'ioredis'
import { Redis as Redis5 } from 'ioredis5'
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import { CacheflowError, type CacheflowOptions, type RouteOptions, fastly } from 'cacheflow'
import { cacheflow as forExpress } from 'cacheflow/express'
import { cacheflow as forKoa } from 'cacheflow/koa'
import { resolveOptions } from '../../src/options/cache-options.ts'
import { resolveRoute } from '../../src/options/route-options.ts'
import { application } from '../support/application.ts'

interface Case {
  readonly good: readonly unknown[]
  readonly bad: readonly unknown[]
}

const symbol = Symbol('x')
const nothing = (): undefined => undefined
/** Nobody listens there, and it is never connected itself. */
const client = new Redis({ host: '127.0.0.1', port: 1, lazyConnect: true })
const notDurations = [
  null,
  true,
  -1,
  Number.NaN,
  Infinity,
  2 ** 31 * 1_000 + 1,
  '',
  '5',
  '5 minutes',
  ' 5m',
  '5m ',
  '-5m',
  '1h30m',
  '5M',
  '1e3s',
  '٥m',
  {},
  [],
  ['5m'],
  nothing,
  10n,
  symbol,
]
const notFlags = [null, 0, 1, '', 'true', 'yes', {}, [], nothing, symbol]
const notFunctions = [null, true, false, 0, '', '/posts', {}, [], symbol]
const notStrings = [null, true, 0, 5, {}, [], ['a'], nothing, symbol]
const notLists = [null, true, false, 0, '', 'a', {}, { 0: 'a', length: 1 }, nothing, new Set(['a'])]
const notListsOfText = [...notLists, [''], [null], [undefined], [5], [['a']], ['a', 5]]
const notNames = [...notListsOfText, ['accept language'], ['a:b'], ['é'], ['a\r\nSet-Cookie: x=1']]

const routeCases: Readonly<Record<keyof RouteOptions<never>, Case>> = {
  maxAge: {
    good: [
      0,
      1,
      0.5,
      60_000,
      2 ** 31 * 1_000,
      '250ms',
      '5s',
      '1.5m',
      '2h',
      '1d',
      '1w',
      false,
      'http',
    ],
    bad: [...notDurations, 'HTTP', 'false'],
  },
  staleWhileRevalidate: { good: [0, '1h', false], bad: [...notDurations, 'http'] },
  staleIfError: { good: [0, '1h', false], bad: [...notDurations, 'http'] },
  ignoreSetCookie: {
    good: [[], ['_csrf'], ['connect.sid', 'a']],
    bad: [...notListsOfText, ['a b'], ['a=b'], ['a;']],
  },
  tags: {
    good: [[], ['posts'], ['post:1', 'é', 'a b']],
    bad: [...notListsOfText, ['a\nb'], ['x'.repeat(257)]],
  },
  vary: {
    good: [[], ['Accept-Language'], ['cookie:theme', 'x-tenant'], ['cookie:a b']],
    bad: [...notNames, ['cookie:'], ['*']],
  },
  key: { good: [() => 'a'], bad: notFunctions },
  session: { good: [() => null], bad: notFunctions },
  query: {
    good: [{ only: [] }, { only: ['page'] }, { ignore: ['utm_source', 'x y'] }],
    bad: [
      ...notLists,
      [],
      ['page'],
      { only: null },
      { only: 'page' },
      { only: [''] },
      { only: [5] },
      { ignore: 'a' },
      { only: ['a'], ignore: ['b'] },
      { except: ['a'] },
    ],
  },
  detectSecrets: { good: [true, false], bad: notFlags },
  invalidateRedirect: { good: [true, false], bad: notFlags },
}

const cases: Readonly<Record<keyof CacheflowOptions<never>, Case>> = {
  ...routeCases,
  fragments: {
    good: [{}, { strict: true }, { strict: false, annotate: true }, { annotate: false }],
    bad: [
      null,
      true,
      [],
      { Strict: true },
      ...notFlags.flatMap((flag) => [{ strict: flag }, { annotate: flag }]),
    ],
  },
  memory: {
    good: [
      {},
      { maxSize: 1 },
      { maxSize: '10MB', maxEntrySize: '1MiB' },
      { maxEntrySize: 1 },
      { maxSize: 5, maxEntrySize: 5 },
    ],
    bad: [
      null,
      true,
      5,
      '64MiB',
      [],
      nothing,
      { maxsize: 5 },
      { maxSize: 0 },
      { maxSize: 0.5 },
      { maxSize: '0B' },
      { maxEntrySize: 0 },
      { maxEntrySize: '0KiB' },
      { maxEntrySize: '65MiB' },
      { maxSize: '1MiB', maxEntrySize: '2MiB' },
      ...[
        null,
        true,
        -1,
        Number.NaN,
        Infinity,
        '',
        '64',
        '64 MiB',
        '64mib',
        '-1MiB',
        {},
        [],
      ].flatMap((size) => [{ maxSize: size }, { maxEntrySize: size }]),
    ],
  },
  warming: {
    good: [
      {},
      { enabled: false, hottest: 10, afterInvalidation: true, every: '10m', refreshAhead: 100 },
      { origin: 'https://shop.example', headers: { 'Accept-Language': 'de', accept: '' } },
      { origin: ['http://a.example:8080', 'https://b.example'] },
      { parallelism: 1, rate: 0.5, maxDuration: 0, timeout: '1s', retries: 0 },
    ],
    bad: [
      ...[null, true, 5, 'warm', [], nothing, { Every: '1m' }],
      ...[null, 0, 'yes'].map((enabled) => ({ enabled })),
      ...[null, 5, '', 'shop.example', 'ftp://a', 'https://a.example/', ['/']].map((origin) => ({
        origin,
      })),
      ...['https://me:secret@a.example', 'https://a b', 'http://a:port'].map((origin) => ({
        origin,
      })),
      ...[null, 'a', { 'a b': 'c' }, { a: 5 }].map((headers) => ({ headers })),
      ...[{ a: 'b\r\nc: d' }, { 'Content-Length': '5' }].map((headers) => ({ headers })),
      ...[null, 0, -1, 1.5, '4'].map((parallelism) => ({ parallelism })),
      ...[null, 0, -1, NaN, '4'].map((rate) => ({ rate })),
      ...notDurations.map((maxDuration) => ({ maxDuration })),
      ...notDurations.map((timeout) => ({ timeout })),
      ...[null, -1, 1.5, '4'].map((retries) => ({ retries })),
      ...[null, -1, 1.5, '4'].map((hottest) => ({ hottest })),
      ...[null, 0, 'yes'].map((afterInvalidation) => ({ afterInvalidation })),
      ...[...notDurations, 99].map((every) => ({ every })),
      ...[...notDurations, 99].map((refreshAhead) => ({ refreshAhead })),
    ],
  },
  redis: {
    good: [
      client,
      new Redis5({ host: '127.0.0.1', port: 1, lazyConnect: true }),
      new Cluster([{ host: '127.0.0.1', port: 1 }], { lazyConnect: true }),
      { client },
      { client, namespace: 'shop:v2', commandTimeout: 1, maxStaleness: 30 },
      { client, maxLog: 1 },
      { client, wait: 'all' },
      { client, commandTimeout: '1s', maxStaleness: '1m' },
    ],
    bad: [
      ...[null, true, false, 0, '', 'redis://127.0.0.1', [], nothing, symbol, Redis],
      ...[{}, { port: 6379 }, { client: null }, { client: 'redis://127.0.0.1' }, { client: {} }],
      { client: { duplicate: nothing } },
      { client, nameSpace: 'shop' },
      ...[null, 5, '', 'a b', '{shop}', 'é', 'x'.repeat(65), ['shop']].map((namespace) => ({
        client,
        namespace,
      })),
      ...[...notDurations, false, 0, 0.5].map((commandTimeout) => ({ client, commandTimeout })),
      ...[...notDurations, false, 0, 29, '29ms'].map((maxStaleness) => ({ client, maxStaleness })),
      ...[null, 0, -1, 1.5, '5', Infinity, {}].map((maxLog) => ({ client, maxLog })),
      { client, compress: 'br' },
    ],
  },
  audit: {
    good: [{ sample: 0 }, { sample: 0.001 }, { sample: 1 }],
    bad: [
      ...[null, true, false, 0.5, '0.5', [], nothing, symbol, {}, { maxUtilization: 0.5 }],
      ...[null, true, -0.1, 1.1, '0.5', Number.NaN, {}].map((sample) => ({ sample })),
      { sample: 0.5, seed: 1 },
    ],
  },
  verify: { good: [true, false], bad: notFlags },
  compress: { good: [false, 'gzip', 'br'], bad: [true, 'deflate', 'GZIP', '', 1, null, {}] },
  enabled: { good: [true, false], bad: notFlags },
  maxVariants: {
    good: [1, 100, 10_000],
    bad: [null, true, 0, -1, 1.5, '5', '', Number.NaN, Infinity, {}, [], nothing, 5n],
  },
  collapse: {
    good: [true, false, { timeout: 0 }, { timeout: '30d' }],
    bad: [
      ...[null, 0, 1, '', '5s', [], nothing, symbol, {}, { timeouts: '5s' }],
      ...[null, false, true, '5', -1, {}].map((timeout) => ({ timeout })),
      { timeout: '5s', retry: true },
    ],
  },
  hitForMiss: { good: [0, '2m'], bad: [...notDurations, false, 'http'] },
  observe: {
    good: [true, false, { ignore: [] }, { ignore: ['X-Request-Id', 'cookie:theme', 'connection'] }],
    bad: [
      ...[null, 0, 1, '', 'true', [], ['x-request-id'], nothing, symbol, {}, { ignored: [] }],
      ...notNames.map((ignore) => ({ ignore })),
      ...['session', 'user', 'headers', 'Cookie', 'Authorization', 'X-Api-Key', 'cookie:sid'].map(
        (name) => ({ ignore: [name] }),
      ),
    ],
  },
  credentials: { good: [[], ['X-Api-Key']], bad: notNames },
  keySecret: { good: ['', 'a secret'], bad: [null, 5, {}] },
  notCredentials: { good: [[], ['X-Token-Count', 'cookie:session_theme']], bad: notNames },
  targetedFields: { good: [[], ['CDN-Cache-Control']], bad: notNames },
  surrogate: {
    good: [fastly(), [], [fastly(), { name: 'own', header: 'X-Tags', encode: nothing }]],
    bad: [
      null,
      true,
      5,
      'fastly',
      fastly,
      {},
      [null],
      ['fastly'],
      [fastly(), {}],
      { header: 'X-Tags' },
      { header: '', encode: nothing },
      { header: 'X Tags', encode: nothing },
      { header: 5, encode: nothing },
      { header: 'X-Tags', encode: 'no' },
    ],
  },
  requestDirectives: { good: [true, false], bad: notFlags },
  heuristic: { good: [true, false], bad: notFlags },
  cacheStatus: { good: [true, false, 'debug'], bad: [...notFlags, 'Debug'] },
  debug: { good: [true, false], bad: notFlags },
  build: { good: ['', 'a1b2c3'], bad: notStrings },
  cacheControl: {
    good: ['no-cache', 'private, max-age=5', false],
    bad: [...notStrings, '', ' ', 'no-cache\r\nX: y', 'é\u0100'],
  },
  userAgent: { good: [() => 'phone'], bad: notFunctions },
  clock: { good: [() => 0, Date.now], bad: notFunctions },
}

const wrong = Object.entries(cases).flatMap(([name, { bad }]) =>
  bad.map((value) => ({ name, value })),
)
const wrongOfRoutes = Object.entries(routeCases).flatMap(([name, { bad }]) =>
  bad.map((value) => ({ name, value })),
)

function errorOf(run: () => unknown): unknown {
  try {
    run()
  } catch (error) {
    return error
  }
  return undefined
}

/** What is not right about an error, in words; undefined when all is. */
function fault(error: unknown, name: string): string | undefined {
  if (!(error instanceof CacheflowError)) return `gave ${String(error)} instead of a CacheflowError`
  const { code, message } = error
  if (!message.startsWith(`${code}: `)) return `has no code in its message: ${message}`
  const [what = '', ...mend] = message.slice(code.length + 2).split(/(?<=\.) (?=[A-Z])/)
  if (!new RegExp(`^${name}(\\.\\w+)? was given .+\\.$`, 's').test(what)) {
    return `does not name the option and the value: ${message}`
  }
  if (mend.length === 0) return `does not say what to do: ${message}`
  return undefined
}

/** A value as a failure of this table shows it. */
function shown(value: unknown): string {
  if (typeof value === 'function') return 'a function'
  return JSON.stringify(value, (_, each: unknown) =>
    typeof each === 'bigint' || typeof each === 'symbol' || Number.isNaN(each)
      ? String(each)
      : each,
  )
}

describe('an option given wrongly is told where it is written', () => {
  it.each([
    ['cacheflow() of Express', (options: object) => forExpress(options)],
    ['cacheflow() of Koa', (options: object) => forKoa(options)],
  ])('by %s: with its name, the value, and what to do', (_name, create) => {
    const faults = wrong.flatMap(({ name, value }) => {
      const found = fault(
        errorOf(() => create({ [name]: value })),
        name,
      )
      return found === undefined ? [] : [`${name}: ${shown(value)} ${found}`]
    })
    expect(faults).toEqual([])
    expect(wrong.length).toBeGreaterThan(300)
  })

  it.each([
    ['Express', forExpress({})],
    ['Koa', forKoa({})],
  ])('by route() of %s: with its name, the value, and what to do', (_name, cache) => {
    const faults = wrongOfRoutes.flatMap(({ name, value }) => {
      const found = fault(
        errorOf(() => cache.route({ [name]: value })),
        name,
      )
      return found === undefined ? [] : [`${name}: ${shown(value)} ${found}`]
    })
    expect(faults).toEqual([])
    expect(wrongOfRoutes.length).toBeGreaterThan(120)
  })

  it('and the codes tell durations, sizes, tags, unknown names and the rest apart', () => {
    const codeOf = (options: object): unknown => {
      const error = errorOf(() => forExpress(options))
      return error instanceof CacheflowError ? error.code : error
    }
    expect(codeOf({ maxAge: '5 minutes' })).toBe('ERR_CACHEFLOW_DURATION')
    expect(codeOf({ hitForMiss: false })).toBe('ERR_CACHEFLOW_DURATION')
    expect(codeOf({ collapse: { timeout: '5' } })).toBe('ERR_CACHEFLOW_DURATION')
    expect(codeOf({ memory: { maxSize: '64' } })).toBe('ERR_CACHEFLOW_BYTE_SIZE')
    expect(codeOf({ tags: ['a\nb'] })).toBe('ERR_CACHEFLOW_TAG')
    expect(codeOf({ tags: 'posts' })).toBe('ERR_CACHEFLOW_OPTION')
    expect(codeOf({ memory: { maxsize: 5 } })).toBe('ERR_CACHEFLOW_UNKNOWN_OPTION')
    expect(codeOf({ observe: null })).toBe('ERR_CACHEFLOW_OPTION')
    expect(codeOf({ redis: 'redis://127.0.0.1' })).toBe('ERR_CACHEFLOW_REDIS')
    expect(codeOf({ redis: { namespace: 'shop' } })).toBe('ERR_CACHEFLOW_REDIS')
    expect(codeOf({ redis: { client, nameSpace: 'shop' } })).toBe('ERR_CACHEFLOW_UNKNOWN_OPTION')
    expect(codeOf({ redis: { client, maxStaleness: 29 } })).toBe('ERR_CACHEFLOW_DURATION')
  })

  it('a wrong maxAge is told of false and http too', () => {
    expect(String(errorOf(() => forExpress({ maxAge: 'HTTP' as never })))).toMatch(/'http'.*false/)
  })
})

describe('what is no object of options', () => {
  it.each([null, true, 5, '5m', [], ['maxAge'], nothing, symbol])(
    '%s is an error of cacheflow()',
    (given) => {
      for (const create of [forExpress, forKoa]) {
        const error = errorOf(() => create(given as never))
        expect(error).toBeInstanceOf(CacheflowError)
        expect(String(error)).toMatch(/ERR_CACHEFLOW_OPTION: cacheflow\(\) was given .+\. Give /)
      }
    },
  )

  it.each([undefined, null, true, 5, '5m', [], ['maxAge'], nothing])(
    '%s is an error of route()',
    (given) => {
      for (const cache of [forExpress(), forKoa()]) {
        const error = errorOf(() => cache.route(given as never))
        expect(error).toBeInstanceOf(CacheflowError)
        expect(String(error)).toMatch(/ERR_CACHEFLOW_OPTION: route\(\) was given .+\. Give /)
      }
    },
  )
})

describe('an unknown name', () => {
  it.each(['maxage', 'ttl', 'maxAge ', '__proto__x', 'Redis'])(
    '%s is an error that lists the known ones',
    (name) => {
      for (const run of [
        (): unknown => forExpress({ [name]: 5 }),
        (): unknown => forExpress({}).route({ [name]: 5 }),
        (): unknown => forKoa({ [name]: undefined }),
      ]) {
        const error = errorOf(run)
        expect(error).toBeInstanceOf(CacheflowError)
        expect(String(error)).toContain('ERR_CACHEFLOW_UNKNOWN_OPTION')
        expect(String(error)).toContain(JSON.stringify(name))
        expect(String(error)).toContain('maxAge, staleWhileRevalidate')
      }
    },
  )

  it('is one of cacheflow() when given to route()', () => {
    for (const name of Object.keys(cases)) {
      const isOfRoutes = name in routeCases
      const error = errorOf(() => forExpress({}).route({ [name]: undefined }))
      expect([name, error === undefined]).toEqual([name, isOfRoutes])
    }
  })

  it('is none that this table leaves out', () => {
    const { message } = errorOf(() => forExpress({ x: 1 } as object)) as Error
    const known = /known here: (.*)\.$/.exec(message)?.[1]?.split(', ')
    expect(known?.toSorted()).toEqual(Object.keys(cases).toSorted())
  })
})

describe('an option given rightly', () => {
  it('is taken by cacheflow(), undefined like nothing', async () => {
    const opened: { close(): Promise<void> }[] = []
    for (const [name, { good }] of Object.entries(cases)) {
      for (const [i, value] of [...good, undefined].entries()) {
        for (const create of [forExpress, forKoa]) {
          const error = errorOf(() => opened.push(create({ [name]: value })))
          expect([name, i, error]).toEqual([name, i, undefined])
        }
      }
    }
    await Promise.all(opened.map((cache) => cache.close()))
  })

  it('is taken by route(), undefined like nothing', () => {
    for (const [name, { good }] of Object.entries(routeCases)) {
      for (const value of [...good, undefined]) {
        const error = errorOf(() => resolveRoute({ [name]: value }))
        expect([name, value, error]).toEqual([name, value, undefined])
      }
    }
    expect(errorOf(() => resolveRoute(false))).toBeUndefined()
  })
})

describe('a name that is none', () => {
  it.each([
    [{ ttl: 300 }, 'maxAge'],
    [{ maxage: '5m' }, 'maxAge'],
    [{ maxAgee: '5m' }, 'maxAge'],
    [{ max_age: '5m' }, 'maxAge'],
    [{ swr: '5m' }, 'staleWhileRevalidate'],
    [{ staleIfErorr: '5m' }, 'staleIfError'],
    [{ tag: [] }, 'tags'],
    [{ disabled: true }, 'enabled'],
  ])('%j is asked about', (options, meant) => {
    const { message } = errorOf(() => resolveOptions(options as object)) as Error
    expect(message).toContain(`Did you mean ${meant}?`)
  })

  it('far from all of them is not', () => {
    const { message } = errorOf(() => resolveOptions({ colour: 1 } as object)) as Error
    expect(message).not.toContain('Did you mean')
  })
})

describe('a lifetime that looks like seconds', () => {
  it('is warned of, and no other', () => {
    const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined)
    onTestFinished(() => warn.mockRestore())
    resolveOptions({ maxAge: 300 })
    resolveRoute({ staleIfError: 60 })
    expect(warn.mock.calls.map(([message]) => message)).toEqual([
      expect.stringContaining("maxAge: 300 is 300 milliseconds. Write '300s'"),
      expect.stringContaining("staleIfError: 60 is 60 milliseconds. Write '60s'"),
    ])
    for (const maxAge of [0, 1_000, 60_000, '300ms'] as const) resolveOptions({ maxAge })
    expect(warn).toHaveBeenCalledTimes(2)
  })
})

describe('the defaults', () => {
  afterEach(() => {
    vi.unstubAllEnvs()
  })

  const documented: Readonly<Record<keyof CacheflowOptions<never>, string>> = {
    maxAge: "`'1m'`",
    staleWhileRevalidate: '`false`: not at all',
    staleIfError: '`false`: not at all',
    tags: 'none',
    ignoreSetCookie: 'none',
    vary: 'none',
    key: 'the request target as received',
    session: '',
    query: 'all of them',
    detectSecrets: '`true`',
    invalidateRedirect: '`false`',
    enabled: '`true`',
    memory: "`'64MiB'`",
    fragments: '`false`',
    redis: 'none',
    warming: 'none',
    audit: 'none',
    verify: '`false`',
    compress: '`false`',
    maxVariants: '100',
    collapse: "`{ timeout: '5s' }`",
    hitForMiss: "`'2m'`",
    observe: '`true`',
    credentials: 'none',
    notCredentials: 'none',
    keySecret: 'the namespace in Redis; without Redis, a random one',
    targetedFields: "`['Cacheflow-Cache-Control', 'Surrogate-Control']`",
    surrogate: 'none',
    requestDirectives: '`false`',
    heuristic: '`false`',
    cacheStatus: '`true`',
    debug: "NODE_ENV is `'development'`",
    build: 'none',
    cacheControl: "`'no-cache'`",
    userAgent: "`'bot'` or `'human'`",
    clock: '`Date.now`',
  }

  it('are these', () => {
    vi.stubEnv('NODE_ENV', 'production')
    const { policy, userAgentClass, clock, ...rest } = resolveOptions({})
    expect(policy).toEqual({
      off: false,
      namesLifetime: false,
      mode: 'own',
      maxAge: 60_000,
      staleWhileRevalidate: 0,
      staleIfError: 0,
      heuristic: false,
      tags: [],
      ignoreSetCookie: [],
      vary: [],
      key: undefined,
      session: undefined,
      query: undefined,
      detectSecrets: true,
      invalidateRedirect: false,
    })
    expect(rest).toEqual({
      enabled: true,
      maxSize: 64 * 1024 * 1024,
      maxEntrySize: 8 * 1024 * 1024,
      strict: false,
      annotate: false,
      redis: undefined,
      warming: {
        enabled: true,
        maxUtilization: 0.1,
        origins: [],
        headers: {},
        parallelism: 4,
        rate: Infinity,
        maxDuration: Infinity,
        timeout: 30_000,
        retries: 2,
        hottest: 0,
        afterInvalidation: false,
        every: undefined,
        cron: undefined,
        refreshAhead: 0,
      },
      auditSample: 0,
      verify: false,
      compress: 'identity',
      maxVariants: 100,
      collapseTimeout: 5_000,
      hitForMiss: 120_000,
      observe: true,
      ignoredInputs: new Set(),
      credentials: new Set(['authorization', 'proxy-authorization']),
      harmless: new Set(),
      keySecret: undefined,
      targetedFields: ['Cacheflow-Cache-Control', 'Surrogate-Control'],
      surrogates: [],
      requestDirectives: false,
      cacheStatus: true,
      debug: false,
      build: '',
      keyedBuild: '',
      cacheControl: 'no-cache',
    })
    expect(clock).toBe(Date.now)
    expect(userAgentClass('curl/8')).toBe('bot')
    expect(resolveOptions({ memory: { maxSize: 8_000 } }).maxEntrySize).toBe(1_000)
    expect(resolveOptions({ memory: { maxSize: 5 } }).maxEntrySize).toBe(1)
  })

  it('of why is the development environment', () => {
    vi.stubEnv('NODE_ENV', 'development')
    expect(resolveOptions({}).debug).toBe(true)
    expect(resolveOptions({ debug: false }).debug).toBe(false)
    vi.stubEnv('NODE_ENV', undefined)
    expect(resolveOptions({}).debug).toBe(false)
  })

  it('are what the documentation of each option says', () => {
    const source = ['cache-options.ts', 'route-options.ts']
      .map((file) => readFileSync(new URL(`../../src/options/${file}`, import.meta.url), 'utf8'))
      .join('\n')
    for (const [name, text] of Object.entries(documented)) {
      const comment = new RegExp(`/\\*\\*((?:(?!\\*/)[^])*)\\*/\\s+readonly ${name}\\?:`).exec(
        source,
      )?.[1]
      // The options of a group are documented one by one.
      const isGroup = name === 'memory' || name === 'fragments'
      const own = isGroup ? source : comment?.replaceAll(/\s+\*?\s*/g, ' ')
      if (text !== '') expect([name, own]).toEqual([name, expect.stringContaining(text)])
      expect([name, own]).toEqual([name, expect.stringMatching(/\S/)])
    }
  })
})

describe("the caller's object", () => {
  function frozen<Value>(value: Value): Value {
    if (typeof value === 'object' && value !== null) {
      Object.values(value).forEach(frozen)
      Object.freeze(value)
    }
    return value
  }

  it('is never written to: frozen through and through it works', async () => {
    const options = frozen({
      maxAge: '1m',
      tags: ['site'],
      vary: ['x-tenant', 'cookie:theme'],
      query: { ignore: ['utm_source'] },
      memory: { maxSize: '1MiB' },
      collapse: { timeout: '1s' },
      observe: { ignore: ['x-request-id'] },
      credentials: ['x-api-key'],
      notCredentials: ['x-token-count'],
      targetedFields: ['CDN-Cache-Control'],
      surrogate: [fastly()],
    } as const)
    const app = await application(() => ({ body: 'page' }), options)
    for (let i = 0; i < 2; i++) expect((await app.get('/?utm_source=a')).body).toBe('page')
    expect(app.seen('hit').length).toBe(1)
    expect(errorOf(() => forExpress(frozen({})).route(frozen({ tags: ['a'] })))).toBeUndefined()
  })

  /** With sets as the lists that JSON shows. */
  function settled(settings: object): object {
    return Object.fromEntries(
      Object.entries(settings).map(([name, value]: [string, unknown]) => [
        name,
        value instanceof Set ? [...value] : value,
      ]),
    )
  }

  it('may change afterwards: what was given is what holds', () => {
    const lists = {
      tags: ['a'],
      vary: ['x-a'],
      credentials: ['x-key'],
      targetedFields: ['A-Cache-Control'],
      surrogate: [fastly()],
      query: { only: ['page'] },
      observe: { ignore: ['x-b'] },
    }
    const kept = resolveOptions(lists)
    const before = JSON.stringify(settled(kept))
    const policyAt = resolveRoute({ query: lists.query, tags: lists.tags })
    const { policy } = resolveOptions({})
    const routeBefore = JSON.stringify(policyAt(policy))
    for (const list of [lists.tags, lists.vary, lists.credentials, lists.targetedFields])
      list.push('late')
    lists.query.only.push('late')
    lists.observe.ignore.push('later')
    lists.surrogate.pop()
    expect(JSON.stringify(settled(resolveOptions(lists)))).not.toBe(before)
    expect(JSON.stringify(settled(kept))).toBe(before)
    expect(JSON.stringify(policyAt({ ...policy }))).toBe(routeBefore)
  })
})
