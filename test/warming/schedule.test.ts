import { execFile } from 'node:child_process'
import { cp, mkdir, mkdtemp, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { CacheflowError, createCacheflow, type WarmingOptions } from 'cacheflow'
import { builtPackage } from '../support/built-package.ts'
import { latch } from '../support/latch.ts'
import { temporaryDirectory } from '../support/process.ts'
import { until } from '../support/until.ts'
import { Site } from './site.ts'

const run = promisify(execFile)
const root = fileURLToPath(new URL('../../', import.meta.url))
const script = fileURLToPath(new URL('./workers/every-second.js', import.meta.url))
const halfAnHour = 1_800_000
const lastEvening = Date.parse('2026-03-01T20:00:00Z')

describe('warming.cron', () => {
  // Croner waits with timers, and looks at the clock again every half minute.
  beforeEach(() => {
    vi.useFakeTimers({
      now: lastEvening,
      toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'Date'],
    })
  })
  afterEach(() => {
    vi.useRealTimers()
  })

  /** A site with one page that is stale at the next hour; when it was made is written down, in UTC. */
  async function site(warming: WarmingOptions, makes: () => unknown = () => undefined) {
    const made: string[] = []
    const handler = async (): Promise<string> => {
      made.push(new Date().toISOString().slice(0, 16))
      await makes()
      return 'made'
    }
    const { cache, app } = await Site.start(
      'Express 5',
      [{ pattern: '/p/:id', options: { warm: [1] }, handler }],
      { maxAge: '1m', clock: () => Date.now(), warming },
    )
    await cache.warm(app)
    const runs: number[] = []
    cache.on('warm', ({ warmed }) => runs.push(warmed))
    /** Lets time go by, and each half hour what has begun in it come to its end. */
    const pass = async (hours: number): Promise<void> => {
      for (let i = 0; i < 2 * hours; i++) {
        vi.advanceTimersByTime(halfAnHour)
        // Runs come one after the other: behind this one all have ended that had begun.
        await cache.warm(app, { name: 'all', pages: [] })
      }
    }
    return { cache, app, made, runs, pass }
  }

  it('warms again at its times', async () => {
    const { made, pass } = await site({ cron: { pattern: '0 4,16 * * *', timezone: 'UTC' } })
    await pass(24)
    expect(made).toEqual(['2026-03-01T20:00', '2026-03-02T04:00', '2026-03-02T16:00'])
  })

  it('means the time of its zone', async () => {
    const { made, pass } = await site({
      cron: { pattern: '0 4 * * *', timezone: 'America/New_York' },
    })
    await pass(24)
    expect(made).toEqual(['2026-03-01T20:00', '2026-03-02T09:00'])
  })

  it('begins no run beside one that is under way, and leaves out what was missed', async () => {
    const held = latch()
    let isHeld = false
    const { cache, app, made, runs, pass } = await site({ cron: '0 * * * *' }, () =>
      isHeld ? held.opened : undefined,
    )
    isHeld = true
    vi.advanceTimersByTime(3 * 2 * halfAnHour)
    await until('it was begun', () => made.length === 2)
    expect(cache.stats().inFlight).toBe(1)
    held.open()
    await cache.warm(app, { name: 'all', pages: [] })
    expect(runs).toEqual([1, 0])
    await pass(1)
    expect(made.length).toBe(3)
  })

  it('may stand beside warming.every: each has its times, and a run under way is that of both', async () => {
    const apart = await site({ every: '1h', cron: { pattern: '30 * * * *', timezone: 'UTC' } })
    await apart.pass(2)
    expect(apart.made.map((time) => time.slice(-5))).toEqual([
      '20:00',
      '20:30',
      '21:00',
      '21:30',
      '22:00',
    ])
    await apart.cache.close()
    const together = await site({ every: '1h', cron: { pattern: '0 * * * *', timezone: 'UTC' } })
    vi.advanceTimersByTime(2 * halfAnHour)
    await together.cache.warm(together.app, { name: 'all', pages: [] })
    expect(together.runs).toEqual([1, 0])
  })

  it('ends with the cache', async () => {
    const { cache, made } = await site({ cron: '0 * * * *' })
    expect(vi.getTimerCount()).toBeGreaterThan(0)
    await cache.close()
    expect(vi.getTimerCount()).toBe(0)
    vi.advanceTimersByTime(2 * halfAnHour)
    expect(made.length).toBe(1)
  })
})

describe('warming.cron is checked when the cache is made', () => {
  it.each([
    ['0 4 * *', '"0 4 * *"', 'warming.cron'],
    ['61 4 * * *', '"61 4 * * *"', 'Invalid value for minute: 61'],
    ['', '""', "'0 4 * * *'"],
    ['0 4 30 2 *', '"0 4 30 2 *"', 'This time never comes.'],
    [{ pattern: '0 4 * * *', timezone: 'Europe/Atlantis' }, '"Europe/Atlantis"', 'IANA'],
    [{ pattern: '0 4 * * *', timezone: '' }, 'warming.cron.timezone was given ""', 'UTC'],
    [{ pattern: '0 4 * * *', timezone: 1 }, 'warming.cron.timezone was given 1', 'UTC'],
    [{ pattern: new Date(0) }, 'warming.cron.pattern was given', "'0 4 * * *'"],
    [{ timezone: 'UTC' }, 'warming.cron.pattern was given undefined', "'0 4 * * *'"],
    [7, 'warming.cron was given 7', "'0 4 * * *'"],
    [null, 'warming.cron was given null', "'0 4 * * *'"],
  ])('%o is refused with what was given, and what to give', (given, shown, mend) => {
    const { code, message } = refusal(given)
    expect(code).toBe('ERR_CACHEFLOW_OPTION')
    expect(message).toContain(shown)
    expect(message).toContain(mend)
  })

  it('what it does not know is refused', () => {
    const { code, message } = refusal({ pattern: '0 4 * * *', zone: 'UTC' })
    expect(code).toBe('ERR_CACHEFLOW_UNKNOWN_OPTION')
    expect(message).toContain('"zone"')
  })
})

describe('the package croner', { timeout: 60_000 }, () => {
  /** What a process says that has the built package, what that depends on, and this croner. */
  async function saysWith(croner: string | undefined): Promise<{ stdout: string; stderr: string }> {
    const folder = await mkdtemp(join(temporaryDirectory(), 'croner-'))
    await cp(await builtPackage(), join(folder, 'dist'), { recursive: true })
    await writeFile(join(folder, 'package.json'), '{ "type": "module" }')
    await mkdir(join(folder, 'node_modules'))
    const packages = { etag: 'etag', 'lru-cache': 'lru-cache', ...(croner && { croner }) }
    for (const [name, source] of Object.entries(packages)) {
      await symlink(join(root, 'node_modules', source), join(folder, 'node_modules', name))
    }
    // One that does not end by itself is killed, which rejects.
    return run(process.execPath, [script, join(folder, 'dist')], { timeout: 20_000 })
  }

  it.each(['croner9', 'croner'])(
    'warms at its times, in the version of %s, and does not keep the process alive',
    async (croner) => {
      expect(await saysWith(croner)).toEqual({ stdout: 'warmed again\n', stderr: '' })
    },
  )

  it('is asked for by name where it is not installed', async () => {
    const { stdout } = await saysWith(undefined)
    expect(stdout).toBe(
      'ERR_CACHEFLOW_PACKAGE: warming.cron was given "* * * * * *". ' +
        'It takes the package croner, version 9, 10 or 11: npm install croner\n',
    )
  })
})

function refusal(cron: unknown): { code: unknown; message: string } {
  try {
    createCacheflow({ warming: { cron: cron as string } })
  } catch (error) {
    if (error instanceof CacheflowError) return error
    throw error
  }
  return { code: undefined, message: '' }
}
