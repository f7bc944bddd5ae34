import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { builtPackage } from '../support/built-package.ts'
import { CallError, Worker } from '../support/worker.ts'

const script = new URL('./workers/arithmetic.js', import.meta.url)

describe('a worker of the tests', () => {
  it('is a process of its own that answers calls', async () => {
    await using worker = await Worker.start(script)
    expect(worker.pid).not.toBe(process.pid)
    const answers = await Promise.all([worker.call('add', 1, 2), worker.call('add', 3, 4)])
    expect(answers).toEqual([3, 7])
    const value = {
      map: new Map([[1, new Date(5)]]),
      bytes: new Uint8Array([1, 2]),
      none: undefined,
    }
    expect(await worker.call('same', value)).toEqual(value)
  })

  it('hands on what a call throws, with its code', async () => {
    await using worker = await Worker.start(script)
    const error = await worker.call('fail').catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(CallError)
    expect(error).toMatchObject({ message: 'on purpose', code: 'ERR_PURPOSE' })
    await expect(worker.call('unknown')).rejects.toThrow('no such call')
  })

  it('answers nothing while it is paused, and everything afterwards', async () => {
    await using worker = await Worker.start(script)
    await worker.pause()
    let answered = false
    const answer = worker.call('add', 1, 2).finally(() => (answered = true))
    await using other = await Worker.start(script)
    expect(await other.call('add', 0, 0)).toBe(0)
    expect(answered).toBe(false)
    worker.resume()
    expect(await answer).toBe(3)
  })

  it('is gone after kill, paused or not, and whoever waits for an answer is told', async () => {
    const worker = await Worker.start(script)
    const answer = worker.call('never')
    answer.catch(() => undefined)
    await worker.pause()
    await worker.kill()
    expect(worker.isRunning).toBe(false)
    expect(() => process.kill(worker.pid, 0)).toThrow('ESRCH')
    await expect(answer).rejects.toThrow('has ended without an answer')
    await expect(worker.call('add', 1, 2)).rejects.toThrow('has ended')
  })

  it('that ends by itself rejects what it was asked, and one that cannot start says why', async () => {
    const worker = await Worker.start(script)
    await expect(worker.call('exit')).rejects.toThrow('has ended')
    await expect(Worker.start('no-such-file.js')).rejects.toThrow('MODULE_NOT_FOUND')
  })

  it('runs the package as it is built', async () => {
    await using worker = await Worker.start(script, [await builtPackage()])
    expect(await worker.call('names')).toContain('createCacheflow')
  })
})

describe('the built package', () => {
  it('has every entry, for all who ask at one time', async () => {
    const [directory, ...others] = await Promise.all([1, 2, 3].map(builtPackage))
    expect(new Set(others)).toEqual(new Set([directory]))
    for (const entry of ['src/index', 'src/adapter', 'src/views/index', 'adapters/koa/index']) {
      expect(existsSync(join(directory!, `${entry}.js`))).toBe(true)
    }
  })
})
