// Runs orphan.js as a test runner runs tests, for process.test.ts, which kills it.
import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { answerCalls } from '../../support/worker-calls.js'

const script = fileURLToPath(new URL('./orphan.js', import.meta.url))

answerCalls({
  run: () =>
    new Promise((resolve) => {
      const child = fork(script, process.argv.slice(2), {
        stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
      })
      child.once('message', resolve)
    }),
})
