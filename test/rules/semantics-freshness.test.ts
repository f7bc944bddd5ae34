import { describe, expect, it } from 'vitest'
import { type Application, type Made, application } from '../support/application.ts'

const http = { maxAge: 'http' } as const

/** For how many seconds a page with these fields is answered from the store; 0: not at all. */
async function lifetimeOf(
  fields: (app: Application) => Made['fields'],
  options: object = http,
): Promise<number> {
  const app: Application = await application(() => ({ fields: fields(app) ?? {} }), options)
  await app.get('/')
  const { headers } = await app.get('/')
  const ttl = Number(/^cacheflow; hit; ttl=(\d+)$/.exec(String(headers['cache-status']))?.[1] ?? 0)
  if (ttl === 0) return 0
  // The clock agrees with the report, to the second.
  app.advance(ttl - 1)
  const runs = app.runs
  await app.get('/')
  expect(app.runs).toBe(runs)
  app.advance(1)
  await app.get('/')
  expect(app.runs).toBe(runs + 1)
  return ttl
}

describe('freshness', () => {
  it('M-18: a targeted field comes first, then s-maxage, max-age, Expires, and the heuristic', async () => {
    const heuristic = { maxAge: 'http', heuristic: true }
    const steps: [string, (app: Application) => string][] = [
      ['Last-Modified', (app) => app.date(-100)],
      ['Expires', (app) => app.date(20)],
      ['Cache-Control', () => 'max-age=30'],
      ['Cache-Control', () => 'max-age=30, s-maxage=40'],
      ['Cacheflow-Cache-Control', () => 'max-age=50'],
    ]
    const lifetimes: number[] = []
    for (let count = 1; count <= steps.length; count++) {
      const stated = steps.slice(0, count)
      const fieldsOf = (app: Application): Record<string, string> =>
        Object.fromEntries(stated.map(([name, value]) => [name, value(app)]))
      lifetimes.push(await lifetimeOf(fieldsOf, heuristic))
    }
    expect(lifetimes).toEqual([10, 20, 30, 40, 50])
  })

  it('M-18: our own lifetime is for what states none', async () => {
    const own = { maxAge: '5m' }
    expect(await lifetimeOf(() => ({}), own)).toBe(300)
    expect(await lifetimeOf(() => ({ 'Cache-Control': 'public' }), own)).toBe(300)
    expect(await lifetimeOf(() => ({ 'Cache-Control': 'max-age=7' }), own)).toBe(7)
    expect(await lifetimeOf((app) => ({ Expires: app.date(7) }), own)).toBe(7)
    expect(await lifetimeOf(() => ({ 'Cache-Control': 'max-age=0' }), own)).toBe(0)
    expect(await lifetimeOf(() => ({}), { maxAge: false })).toBe(0)
    expect(await lifetimeOf(() => ({}))).toBe(0)
  })

  it('M-18: the handler has the last word: maxAge() of the draft, and of several the shortest', async () => {
    const app = await application(({ draft }) => {
      draft.maxAge('20s').maxAge('10s').maxAge('30s')
      return { fields: { 'Cache-Control': 'max-age=60, s-maxage=90' } }
    })
    await app.get('/')
    expect((await app.get('/')).headers['cache-status']).toBe('cacheflow; hit; ttl=10')
  })

  it.each([
    ['max-age=-1', 0],
    ['max-age=60.5', 0],
    ['max-age=6e1', 0],
    ['max-age=0x3c', 0],
    ['max-age=', 0],
    ['max-age', 0],
    ['max-age="60"', 60],
    ["max-age='60'", 0],
    ['max-age= 60', 0],
    ['max-age=60s', 0],
    ['max-age=060', 60],
    ['max-age=60, max-age=60', 60],
    ['max-age=60, max-age=120', 60],
    ['max-age=120, max-age=60', 0],
    ['s-maxage=-1, max-age=60', 0],
    ['s-maxage=1.5, max-age=60', 0],
    ['max-age=2147483648', 2 ** 31],
    ['max-age=99999999999999999999', 2 ** 31],
  ])('M-19: "%s" is never read as longer than it says', async (control, seconds) => {
    expect(await lifetimeOf(() => ({ 'Cache-Control': control }))).toBe(seconds)
  })

  it('M-19: two lines of Cache-Control are one list', async () => {
    expect(await lifetimeOf(() => ({ 'Cache-Control': ['max-age=60', 'max-age=30'] }))).toBe(0)
    expect(await lifetimeOf(() => ({ 'Cache-Control': ['max-age=60', 's-maxage=30'] }))).toBe(30)
  })

  it('M-20: an Expires that is no date is over', async () => {
    for (const expires of [
      '0',
      '-1',
      '',
      'never',
      'Wed, 04 Mar 2026',
      '2027-01-01T00:00:00Z',
      '9'.repeat(20),
    ]) {
      expect(await lifetimeOf(() => ({ Expires: expires }), { maxAge: '1m' })).toBe(0)
    }
    const past = await lifetimeOf((app) => ({ Expires: app.date(-10) }), { maxAge: '1m' })
    expect(past).toBe(0)
  })

  it('M-20: two Expires are no date, either', async () => {
    expect(await lifetimeOf((app) => ({ Expires: [app.date(60), app.date(60)] }))).toBe(0)
  })

  it('M-20: Expires counts from the Date of the response', async () => {
    // An application whose clock is an hour behind ours: the difference is what it meant, the age what we know.
    const behind = await lifetimeOf((app) => ({ Date: app.date(-3600), Expires: app.date(60) }))
    expect(behind).toBe(60)
    const ahead = await lifetimeOf((app) => ({ Date: app.date(3600), Expires: app.date(3660) }))
    expect(ahead).toBe(60)
  })

  it('M-21: a hit tells its age, in whole seconds since the response was made', async () => {
    const app = await application(() => ({ fields: { 'Cache-Control': 'max-age=60' } }))
    expect((await app.get('/')).headers['age']).toBeUndefined()
    for (const [seconds, age] of [
      [0, '0'],
      [0.9, '0'],
      [0.2, '1'],
      [40, '41'],
    ] as const) {
      app.advance(seconds)
      expect((await app.get('/')).headers['age']).toBe(age)
    }
  })

  it('M-21: the Age that a response came with counts, and shortens its life here', async () => {
    const app = await application(() => ({ fields: { 'Cache-Control': 'max-age=60', Age: '40' } }))
    expect((await app.get('/')).headers['age']).toBe('40')
    app.advance(15)
    expect((await app.get('/')).headers['age']).toBe('55')
    app.advance(5)
    expect((await app.get('/')).body).toBe('made 2')
  })

  it('M-21: so does the time since its Date', async () => {
    const app = await application(() => ({
      fields: { 'Cache-Control': 'max-age=60', Date: app.date(-40) },
    }))
    await app.get('/')
    app.advance(10)
    expect((await app.get('/')).headers['age']).toBe('50')
    app.advance(10)
    expect((await app.get('/')).body).toBe('made 2')
  })

  it('M-21: the greater of both is the age; an Age that is no number is none', async () => {
    const ages: [string, number, string][] = [
      ['50', -20, '50'],
      ['10', -20, '20'],
      ['-5', 0, '0'],
      ['1.5', 0, '0'],
      ['x', 0, '0'],
      ['5, 7', 0, '5'],
      [' 5 , x', 0, '5'],
      ['5', 100, '5'],
    ]
    for (const [age, date, expected] of ages) {
      const app = await application(() => ({
        fields: { 'Cache-Control': 'max-age=600', Age: age, Date: app.date(date) },
      }))
      await app.get('/')
      expect((await app.get('/')).headers['age']).toBe(expected)
    }
  })

  it('M-22: the Date of a hit is that of the stored response', async () => {
    const app = await application(({ run }) =>
      run === 1 ? { fields: { Date: app.date(-5) } } : {},
    )
    const { headers } = await app.get('/dated')
    app.advance(30)
    expect((await app.get('/dated')).headers.date).toBe(headers.date)

    const made = app.date()
    await app.get('/undated')
    app.advance(30)
    expect((await app.get('/undated')).headers.date).toBe(made)
  })

  it('M-23: there is no heuristic lifetime by default, and a tenth of the age by option', async () => {
    const modified = (app: Application): Made['fields'] => ({ 'Last-Modified': app.date(-1000) })
    expect(await lifetimeOf(modified)).toBe(0)
    expect(await lifetimeOf(modified, { maxAge: 'http', heuristic: true })).toBe(100)
    const dated = (app: Application): Made['fields'] => ({ ...modified(app), Date: app.date(-50) })
    // 95 seconds from its Date, of which 50 are over.
    expect(await lifetimeOf(dated, { maxAge: 'http', heuristic: true })).toBe(45)
    const future = (app: Application): Made['fields'] => ({ 'Last-Modified': app.date(1000) })
    expect(await lifetimeOf(future, { maxAge: 'http', heuristic: true })).toBe(0)
  })

  it('M-24: what a client is told never adds up to more than the application said', async () => {
    const app = await application(() => ({ fields: { 'Cache-Control': 'max-age=60' } }))
    await app.get('/')
    for (const seconds of [0, 20, 39]) {
      app.advance(seconds)
      const { headers } = await app.get('/')
      expect(headers['cache-control']).toBe('max-age=60')
      // The sum is the moment at which the stored response ends for everybody.
      const left = 60 - Number(headers['age'])
      expect(headers['cache-status']).toBe(`cacheflow; hit; ttl=${left}`)
    }
  })

  it('M-24: a lifetime of ours is none of the client: it is told to ask each time', async () => {
    const app = await application(() => ({}), { maxAge: '1h' })
    expect((await app.get('/')).headers['cache-control']).toBe('no-cache')
    expect((await app.get('/')).headers['cache-control']).toBe('no-cache')
    const told = await application(() => ({}), { maxAge: '1h', cacheControl: 'max-age=5' })
    expect((await told.get('/')).headers['cache-control']).toBe('max-age=5')
    expect((await told.get('/')).headers['cache-control']).toBe('max-age=5')
    const silent = await application(() => ({}), { maxAge: '1h', cacheControl: false })
    expect((await silent.get('/')).headers['cache-control']).toBeUndefined()
    expect((await silent.get('/')).headers['cache-control']).toBeUndefined()
  })

  it.each<Record<string, string>>([
    { 'Cache-Control': 'public' },
    { 'Cache-Control': 'max-age=5, must-revalidate' },
    { Expires: 'Wed, 04 Mar 2026 13:00:00 GMT' },
  ])('M-24: what the application tells clients stays as it is: %j', async (fields) => {
    const byOption = await application(() => ({ fields }))
    const byDraft = await application(({ draft }) => {
      draft.maxAge('1m')
      return { fields }
    })
    for (const app of [byOption, byDraft]) {
      for (const { headers } of [await app.get('/'), await app.get('/')]) {
        expect(headers['cache-control']).toBe(fields['Cache-Control'])
        expect(headers['expires']).toBe(fields['Expires'])
      }
      expect(app.runs).toBe(1)
    }
  })

  it('M-24: a lifetime for us alone, in a targeted field, tells clients nothing', async () => {
    const app = await application(() => ({ fields: { 'Cacheflow-Cache-Control': 'max-age=60' } }))
    expect((await app.get('/')).headers['cache-control']).toBeUndefined()
    expect((await app.get('/')).headers['cache-control']).toBeUndefined()
  })

  it('M-25: immutable is passed on, and makes nothing fresh that is not', async () => {
    const app = await application(() => ({ fields: { 'Cache-Control': 'max-age=60, immutable' } }))
    await app.get('/')
    expect((await app.get('/')).headers['cache-control']).toBe('max-age=60, immutable')
    app.advance(60)
    expect((await app.get('/')).body).toBe('made 2')
    expect(await lifetimeOf(() => ({ 'Cache-Control': 'immutable' }))).toBe(0)
  })
})
