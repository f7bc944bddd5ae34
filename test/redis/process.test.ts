import { execFile, spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { beforeAll, describe, expect, it } from 'vitest'
import { OwnProcess, temporaryDirectory } from '../support/process.ts'
import { until } from '../support/until.ts'
import { Worker } from '../support/worker.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))

/** An orphan may be a zombie for a while, until the system's first process has noticed: that is not alive. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    const file = `/proc/${pid}/stat`
    return !existsSync(file) || !readFileSync(file, 'utf8').includes(') Z ')
  } catch {
    return false
  }
}

describe('what the test process owns', () => {
  const directory = join(temporaryDirectory(), 'support')
  beforeAll(async () => {
    const options = '--module nodenext --target es2023 --types node --skipLibCheck'
    await promisify(execFile)(join(root, 'node_modules', '.bin', 'tsc'), [
      join(root, 'test', 'support', 'process.ts'),
      ...['--ignoreConfig', '--rewriteRelativeImportExtensions', '--outDir', directory],
      ...options.split(' '),
    ])
  })

  it.each([
    ['is killed', (worker: Worker) => worker.kill()],
    ['is told to stop', (worker: Worker) => worker.stop()],
    ['exits', (worker: Worker) => worker.call('exit').catch(() => undefined)],
    ['fails', (worker: Worker) => worker.call('fail').catch(() => undefined)],
  ])('is gone when it %s: processes, paused ones too, and files', async (_way, end) => {
    await using worker = await Worker.start(new URL('./workers/owner.js', import.meta.url), [
      directory,
    ])
    const owned = await worker.call<{ pids: number[]; directory: string }>('own')
    expect(owned.pids.map(isAlive)).toEqual([true, true])
    expect(existsSync(owned.directory)).toBe(true)
    await end(worker)
    await until('all of it is gone', () => {
      return !owned.pids.some(isAlive) && !existsSync(owned.directory)
    })
  })

  it('is gone, with itself, when the one who runs the tests is killed', async () => {
    await using runner = await Worker.start(new URL('./workers/runner.js', import.meta.url), [
      directory,
    ])
    const pids = await runner.call<number[]>('run')
    expect(pids.map(isAlive)).toEqual([true, true])
    await runner.kill()
    await until('all of it is gone', () => !pids.some(isAlive))
  })
})

describe('a process of the tests', () => {
  it('says how it has ended', async () => {
    const run = (...args: string[]): OwnProcess => new OwnProcess(spawn('sh', ['-c', ...args]))
    expect(await run('exit 3').ended).toBe('code 3')
    const killed = run('kill -TERM $$')
    expect(await killed.ended).toBe('SIGTERM')
    expect(killed.hasEnded).toBe(true)
    const absent = new OwnProcess(spawn('/no-such-folder/program'))
    expect(await absent.ended).toMatch('ENOENT')
    await absent.kill()
    await absent.stop()
  })

  it('is stopped in good order while it is paused', async () => {
    const paused = new OwnProcess(spawn('sleep', ['600']))
    await paused.pause()
    await paused.stop()
    expect(await paused.ended).toBe('SIGTERM')
  })

  it('that does not heed SIGTERM is killed', async () => {
    const child = spawn('sh', ['-c', 'trap "" TERM; echo ready; while :; do sleep 0.1; done'])
    const stubborn = new OwnProcess(child)
    await new Promise((resolve) => child.stdout.once('data', resolve))
    await stubborn.stop(50)
    expect(await stubborn.ended).toBe('SIGKILL')
  })
})
