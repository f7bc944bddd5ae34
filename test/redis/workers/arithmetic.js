// What worker.test.ts asks for.
import { answerCalls } from '../../support/worker-calls.js'

const [directory] = process.argv.slice(2)

answerCalls({
  add: (a, b) => a + b,
  same: (value) => value,
  fail: () => {
    throw Object.assign(new Error('on purpose'), { code: 'ERR_PURPOSE' })
  },
  exit: () => process.exit(3),
  never: () => new Promise(() => undefined),
  names: async () => Object.keys(await import(`${directory}/src/index.js`)),
})
