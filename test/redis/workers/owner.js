// Owns processes and a directory, for process.test.ts, which ends it.
import { spawn } from 'node:child_process'
import { answerCalls } from '../../support/worker-calls.js'

const [directory] = process.argv.slice(2)
const { OwnProcess, temporaryDirectory } = await import(`${directory}/process.js`)

const own = () => new OwnProcess(spawn('sleep', ['600'], { stdio: 'ignore' }))

answerCalls({
  own: async () => {
    const [first, ended, paused] = [own(), own(), own()]
    await ended.kill()
    await paused.pause()
    return { pids: [first.pid, paused.pid], directory: temporaryDirectory() }
  },
  exit: () => process.exit(0),
  fail: () => {
    setImmediate(() => {
      throw new Error('on purpose')
    })
  },
})
