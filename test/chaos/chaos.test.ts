import { execFile, spawn } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { beforeAll, describe, expect, it } from 'vitest'
import { ablations } from './ablations.ts'
import type { Outcome } from './outcome.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))

/** One run of the harness, as `npm run chaos` starts it. Its report comes with the test's own output. */
async function chaos(...args: readonly string[]): Promise<Outcome & { readonly code: number }> {
  const command = ['temp/chaos/test/chaos/run.js', '--json', ...args]
  const child = spawn(process.execPath, command, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] })
  const printed = { stdout: '', stderr: '' }
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (chunk: string) => (printed[name] += chunk))
  }
  const code = await new Promise<number>((resolve) => {
    child.on('close', (ended) => resolve(ended ?? -1))
  })
  process.stdout.write(printed.stderr)
  if (printed.stdout === '') throw new Error(`no outcome:\n${printed.stderr}`)
  return { ...(JSON.parse(printed.stdout) as Outcome), code }
}

beforeAll(async () => {
  await promisify(execFile)('node_modules/.bin/tsc', ['-p', 'test/chaos'], { cwd: root })
}, 60_000)

describe('the ablations', () => {
  it('take out what stands in the package, once', async () => {
    for (const [name, { cuts }] of Object.entries(ablations)) {
      for (const { file, text } of cuts) {
        const compiled = await readFile(new URL(`temp/chaos/${file}`, `file://${root}`), 'utf8')
        expect([name, compiled.split(text).length - 1]).toEqual([name, 1])
      }
    }
  })
})

describe('a cache that is written by hand', () => {
  it('shows what was invalidated, without any fault: the harness can fail', async () => {
    const args = ['--driver=naive', '--faults=none', '--seed=1', '--seconds=10', '--until-caught']
    const { code, beyond, worst } = await chaos(...args)
    expect(code).toBe(1)
    expect(beyond).toBeGreaterThan(0)
    expect(worst).toBeGreaterThan(0)
  })
})

describe('one process without Redis', () => {
  it('shows nothing older than what it was told', { timeout: 60_000 }, async () => {
    const outcome = await chaos('--embedded', '--seed=2', '--seconds=4')
    expect(outcome.violations).toEqual([])
    expect(outcome.errors).toEqual([])
    expect(outcome.stale).toBe(0)
    expect(outcome.reads).toBeGreaterThan(100)
    expect(outcome.hits).toBeGreaterThan(outcome.renders)
    expect(outcome.code).toBe(0)
  })

  it('shows old pages when the check behind a making is taken out', async () => {
    const { code, violations } = await chaos('--embedded', '--ablate=fence')
    expect(violations.map(({ why }) => why)).toContain('by the process that invalidated')
    expect(code).toBe(1)
  })
})

describe('several processes with one Redis', () => {
  it(
    'show nothing that was invalidated longer than maxStaleness ago, whatever fails',
    { timeout: 120_000 },
    async () => {
      const outcome = await chaos('--seed=20261124', '--seconds=14')
      expect(outcome.violations).toEqual([])
      expect(outcome.errors).toEqual([])
      expect(outcome.reads).toBeGreaterThan(200)
      expect(outcome.hits).toBeGreaterThan(outcome.renders / 4)
      expect(Object.keys(outcome.faults).length).toBeGreaterThan(10)
      expect(outcome.code).toBe(0)
    },
  )

  it(
    'show nothing at all that was invalidated behind a barrier',
    { timeout: 120_000 },
    async () => {
      const outcome = await chaos('--seed=20261125', '--seconds=8', '--barrier')
      expect(outcome.violations).toEqual([])
      expect(outcome.errors).toEqual([])
      // Behind one that Redis confirmed late nobody waited at a barrier: there a read may be stale for a while.
      expect(outcome.beyond).toBe(0)
      expect(outcome.code).toBe(0)
    },
  )

  it(
    'show it in less than one read of two hundred, and for less than 50 ms, while nothing fails',
    { timeout: 60_000 },
    async () => {
      const { stale, reads, worst, stall, violations, errors } = await chaos(
        '--seed=3',
        '--seconds=8',
        '--faults=none',
      )
      expect({ violations, errors }).toEqual({ violations: [], errors: [] })
      expect(stale / reads).toBeLessThan(0.005)
      // A machine that lets a process wait lets its messages wait, too.
      expect(worst).toBeLessThan(50 + stall)
    },
  )
})
