import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { type Terminal, type WarmProgress, type WarmReport, progressBar, warmLine } from 'cacheflow'
import { until } from '../support/until.ts'
import { Site, type SiteRoute } from './site.ts'

const route: SiteRoute = {
  pattern: '/p/:id',
  options: { warm: ['/p/0', '/p/1', '/p/2'] },
  handler: ({ path }) => path,
}

describe('the progress of a run', () => {
  it('is told after each page, and at its end', async () => {
    const site = await Site.start('Express 5', [route])
    const heard: WarmProgress[] = []
    const order: string[] = []
    site.cache.on('progress', (progress) => heard.push(progress))
    site.cache.on('progress', ({ done, outcome }) => order.push(`${done} ${outcome}`))
    site.cache.on('warm', ({ outcome }) => order.push(outcome))
    await site.cache.warm(site.app, { parallelism: 1 })
    const own = { name: 'all', failures: 0 }
    expect(heard).toEqual([
      { ...own, done: 1, total: undefined, url: '/p/0', outcome: undefined },
      { ...own, done: 2, total: undefined, url: '/p/1', outcome: undefined },
      { ...own, done: 3, total: undefined, url: '/p/2', outcome: undefined },
      { ...own, done: 3, total: 3, url: '/p/2', outcome: 'complete' },
    ])
    expect(order).toEqual(['1 undefined', '2 undefined', '3 undefined', '3 complete', 'complete'])
  })

  it('is told to whoever has called warm() in the same words', async () => {
    const site = await Site.start('Koa 3', [route])
    const heard: WarmProgress[] = []
    const called: WarmProgress[] = []
    site.cache.on('progress', (progress) => heard.push(progress))
    await site.cache.warm(site.app, { onProgress: (progress) => called.push(progress) })
    expect(called.length).toBe(4)
    expect(called).toEqual(heard)
  })

  it('counts a page for each origin, and once where it names its own', async () => {
    const site = await Site.start('Express 5', [route])
    const heard: WarmProgress[] = []
    site.cache.warmer('none', () => undefined)
    site.cache.on('progress', (progress) => heard.push(progress))
    await site.cache.warm(site.app, {
      origin: ['http://a.example', 'http://b.example'],
      pages: ['/p/7', 'http://c.example/p/8', 'neither a path nor a URL'],
    })
    expect(heard.at(-1)).toMatchObject({ done: 4, total: 4, failures: 1, outcome: 'complete' })
  })

  it('is told of runs that keep the cache warm, too, and to whoever has called warm() of that one alone', async () => {
    const site = await Site.start(
      'Express 5',
      [{ ...route, options: { ...route.options, tags: ['pages'] } }],
      { warming: { afterInvalidation: true } },
    )
    const heard: unknown[] = []
    const called: unknown[] = []
    site.cache.on('progress', ({ name, outcome }) => heard.push([name, outcome]))
    await site.cache.warm(site.app, { onProgress: ({ outcome }) => called.push(outcome) })
    expect(heard.splice(0).at(-1)).toEqual(['all', 'complete'])
    await site.cache.invalidate({ tag: 'pages' })
    await until('what fell is made anew', () => heard.length === 4)
    expect(heard.at(-1)).toEqual(['afterInvalidation', 'complete'])
    expect(called).toEqual([undefined, undefined, undefined, 'complete'])
  })

  it('ends when the run is aborted, too', async () => {
    const site = await Site.start('Express 5', [route])
    const stop = new AbortController()
    const heard: WarmProgress[] = []
    await site.cache.warm(site.app, {
      parallelism: 1,
      signal: stop.signal,
      onProgress: (progress) => {
        heard.push(progress)
        stop.abort()
      },
    })
    expect(heard.map(({ done, outcome }) => [done, outcome])).toEqual([
      [1, undefined],
      [1, 'aborted'],
    ])
  })

  it.each([
    [
      'at once',
      () => {
        throw new Error('on purpose')
      },
    ],
    ['later', () => Promise.reject(new Error('on purpose'))],
  ])('ends no run when whoever hears of it fails %s', async (_when, onProgress: () => void) => {
    const site = await Site.start('Express 5', [route])
    const faults: string[] = []
    site.cache.on('error', ({ error, during }) => faults.push(`${during}: ${String(error)}`))
    const report = await site.cache.warm(site.app, { onProgress })
    expect(report).toMatchObject({ warmed: 3, outcome: 'complete' })
    expect(faults).toEqual(
      Array.from({ length: 4 }, () => 'onProgress of warm(): Error: on purpose'),
    )
  })
})

describe('progressBar()', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['performance'] })
  })
  afterEach(() => {
    vi.useRealTimers()
  })

  const clear = '\r\u001B[2K'
  const step = (done: number, more: Partial<WarmProgress> = {}): WarmProgress => ({
    name: 'all',
    done,
    failures: 0,
    total: 10,
    url: `/p/${done}`,
    outcome: undefined,
    ...more,
  })

  /** A bar, and what it has written. */
  function barOn(terminal: Omit<Terminal, 'write'>) {
    const written: string[] = []
    const draw = progressBar({ ...terminal, write: (text) => written.push(text) })
    return { draw, written }
  }

  it('draws how far a run is in one line, ten times in a second at most', () => {
    const { draw, written } = barOn({ isTTY: true })
    draw(step(1, { total: undefined }))
    draw(step(2))
    vi.advanceTimersByTime(99)
    draw(step(3))
    vi.advanceTimersByTime(1)
    draw(step(5, { failures: 2 }))
    expect(written).toEqual([
      `${clear}[.#..................] 1 /p/1`,
      `${clear}[##########..........] 5/10, 2 failed /p/5`,
    ])
  })

  it('is gone when the run has ended, and drawn again in the next one', () => {
    const { draw, written } = barOn({ isTTY: true })
    draw(step(9))
    draw(step(9, { outcome: 'max-duration' }))
    draw(step(1))
    expect(written).toEqual([
      expect.stringContaining('/p/9'),
      clear,
      expect.stringContaining('/p/1'),
    ])
  })

  it('leaves a terminal alone on which it has drawn nothing', () => {
    const { draw, written } = barOn({ isTTY: true })
    draw(step(0, { total: 0, url: '', outcome: 'complete' }))
    expect(written).toEqual([])
  })

  it('writes nothing where no terminal is', () => {
    const { draw, written } = barOn({})
    draw(step(1))
    draw(step(10, { outcome: 'complete' }))
    expect(written).toEqual([])
  })

  it('takes a terminal that does not know its width for one of 80 columns', () => {
    const { draw, written } = barOn({ isTTY: true, columns: 0 })
    draw(step(1, { url: `/${'x'.repeat(80)}` }))
    expect(written).toEqual([`${clear}[##..................] 1/10 /${'x'.repeat(50)}`])
  })

  it('keeps to the width of the terminal, and lets no page steer it', () => {
    const { draw, written } = barOn({ isTTY: true, columns: 40 })
    draw(step(1, { url: `/\u001B[31m/${'x'.repeat(80)}` }))
    expect(written).toEqual([`${clear}[##..................] 1/10 /?[31m/xxxx`])
  })
})

describe('warmLine()', () => {
  const report: WarmReport = {
    name: 'all',
    outcome: 'complete',
    warmed: 120,
    fresh: 3,
    skipped: 1,
    reasons: { 'set-cookie': 1 },
    failures: 0,
    failed: [],
    time: 1_840,
    bytes: 2.4 * 2 ** 20,
    by: undefined,
  }

  it('tells a report in one line, for logs', () => {
    expect(warmLine(report)).toBe(
      'cacheflow warm all: 120 warmed, 3 fresh, 1 skipped, 0 failed, 1.8 s, 2.4 MiB',
    )
  })

  it('says which instance it was, where it was another one, and how it has ended, where that was early', () => {
    expect(warmLine({ ...report, bytes: 512, by: 'B', outcome: 'max-duration' })).toBe(
      'cacheflow warm all: 120 warmed, 3 fresh, 1 skipped, 0 failed, 1.8 s, 0.5 KiB by B (max-duration)',
    )
  })
})
