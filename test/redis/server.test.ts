import { chmod, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { freePort } from '../support/free-port.ts'
import { temporaryDirectory } from '../support/process.ts'
import { RedisServer } from '../support/redis-server.ts'
import { until } from '../support/until.ts'

describe('a Redis server of the tests', () => {
  it('answers at its port, and is the process that was started', async () => {
    await using server = await RedisServer.start()
    expect(await server.command('PING')).toBe('PONG')
    const info = await server.info('server')
    expect(info.get('process_id')).toBe(String(server.pid))
    expect(info.get('run_id')).toBe(server.runId)
    expect(info.get('tcp_port')).toBe(String(server.port))
  })

  it('starts beside others, each at a port of its own', async () => {
    const servers = await Promise.all(Array.from({ length: 4 }, () => RedisServer.start()))
    try {
      expect(new Set(servers.map(({ port }) => port)).size).toBe(4)
      await Promise.all(servers.map((each, index) => each.command('SET', 'who', index)))
      const answers = await Promise.all(servers.map((each) => each.command('GET', 'who')))
      expect(answers).toEqual(['0', '1', '2', '3'])
    } finally {
      await Promise.all(servers.map((each) => each.stop()))
    }
  })

  it('takes another port when somebody has the first one', async () => {
    await using first = await RedisServer.start()
    const ports = [first.port, await freePort()]
    await using second = await RedisServer.start({ nextPort: () => ports.shift() ?? 0 })
    expect(second.port).not.toBe(first.port)
    expect(await first.command('PING')).toBe('PONG')
    expect(await second.command('PING')).toBe('PONG')
  })

  it('does not take the answers of another server for its own', async () => {
    await using other = await RedisServer.start()
    const program = join(temporaryDirectory(), 'says-it-is-ready')
    await writeFile(program, '#!/bin/sh\necho Ready to accept connections\nexec sleep 600\n')
    await chmod(program, 0o755)
    vi.stubEnv('CACHEFLOW_REDIS_SERVER', program)
    onTestFinished(() => void vi.unstubAllEnvs())
    await expect(RedisServer.start({ nextPort: () => other.port })).rejects.toThrow(
      `port ${other.port} belongs to another process`,
    )
  })

  it('is gone after stop, and a second stop does nothing', async () => {
    await using server = await RedisServer.start()
    await server.stop()
    expect(server.isRunning).toBe(false)
    expect(isAlive(server.pid)).toBe(false)
    await server.stop()
    await expect(server.command('PING')).rejects.toThrow('does not run')
  })

  it('is gone after kill, and comes back empty at the same port with another run_id', async () => {
    await using server = await RedisServer.start()
    const { port, pid, runId } = server
    await server.command('SET', 'key', 'value')
    await server.kill()
    expect(isAlive(pid)).toBe(false)
    await server.restart()
    expect(server.port).toBe(port)
    expect(server.pid).not.toBe(pid)
    expect(server.runId).not.toBe(runId)
    expect(await server.command('DBSIZE')).toBe(0)
  })

  it('comes back with its data when asked to keep it, saved or not', async () => {
    await using server = await RedisServer.start()
    await server.command('SET', 'key', 'value')
    await server.restart({ keepData: true })
    expect(await server.command('GET', 'key')).toBe('value')
  })

  it('that saves has its data after stop, and after kill only what it had saved before, unless it is to be empty', async () => {
    await using server = await RedisServer.start({ save: true })
    await server.command('SET', 'key', 'stopped')
    await server.stop()
    await server.restart({ keepData: true })
    expect(await server.command('GET', 'key')).toBe('stopped')
    await server.command('SET', 'key', 'killed')
    await server.kill()
    await server.restart({ keepData: true })
    expect(await server.command('GET', 'key')).toBe('stopped')
    await server.restart()
    expect(await server.command('DBSIZE')).toBe(0)
  })

  it('goes back to a snapshot', async () => {
    await using server = await RedisServer.start()
    await server.command('SET', 'key', 'old')
    const old = await server.snapshot()
    await server.command('SET', 'key', 'new')
    const { runId } = server
    await server.restore(old)
    expect(await server.command('GET', 'key')).toBe('old')
    expect(server.runId).not.toBe(runId)
  })

  it('answers nothing while it is paused, and all of it afterwards', async () => {
    await using server = await RedisServer.start()
    await server.command('PING')
    await server.pause()
    let answered = false
    const answer = server.command('PING').finally(() => (answered = true))
    // A connection is still made, by the kernel: the server itself is what does not answer.
    await new Promise<void>((resolve) => {
      const socket = connect(server.port, '127.0.0.1', () => resolve(void socket.destroy()))
    })
    expect(answered).toBe(false)
    server.resume()
    expect(await answer).toBe('PONG')
  })

  it('can be stopped, killed and restarted while it is paused', async () => {
    await using server = await RedisServer.start()
    await server.command('SET', 'key', 'value')
    await server.pause()
    await server.restart({ keepData: true })
    expect(await server.command('GET', 'key')).toBe('value')
    await server.pause()
    await server.stop()
    await server.restart()
    await server.pause()
    await server.kill()
    expect(server.isRunning).toBe(false)
  })

  it('keeps answering commands after every connection was killed', async () => {
    await using server = await RedisServer.start()
    await server.command('PING')
    await server.command('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'no').catch(() => undefined)
    await until('the server answers', async () => (await server.command('PING')) === 'PONG')
  })

  it('takes lines of configuration, and says why when it refuses one', async () => {
    await using server = await RedisServer.start({ config: { maxmemory: '7mb' } })
    expect(await server.command('CONFIG', 'GET', 'maxmemory')).toEqual(['maxmemory', '7340032'])
    await expect(RedisServer.start({ config: { maxmemory: 'much' } })).rejects.toThrow(
      /has ended.*maxmemory much/s,
    )
  })

  it('writes nothing to disk unless asked', async () => {
    await using server = await RedisServer.start()
    expect(await server.command('CONFIG', 'GET', 'save')).toEqual(['save', ''])
    expect(await server.command('CONFIG', 'GET', 'appendonly')).toEqual(['appendonly', 'no'])
    await server.command('SET', 'key', 'value')
    await server.stop()
    await server.restart({ keepData: true })
    expect(await server.command('DBSIZE')).toBe(0)
  })

  it('counts its commands, and the bytes it holds', async () => {
    await using server = await RedisServer.start()
    for (let i = 0; i < 3; i++) await server.command('GET', 'key')
    await server.command('CONFIG', 'GET', 'save')
    const stats = await server.commandStats()
    expect(stats.get('get')).toBe(3)
    expect(stats.get('config|get')).toBe(1)
    const before = await server.memory()
    await server.command('SET', 'key', Buffer.alloc(1_000_000))
    expect((await server.memory()) - before).toBeGreaterThan(1_000_000)
  })
})

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}
