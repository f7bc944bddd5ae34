// Counts tests and checks for .ci/run. Whatever ended badly without naming a failure counts as one.
import { readFileSync } from 'node:fs'

const [report, testsExit, log, checkExit] = process.argv.slice(2)

const tests = count(() => {
  const { testResults } = JSON.parse(readFileSync(report, 'utf8'))
  const each = testResults.flatMap((file) => {
    const ran = file.assertionResults.map((test) => test.status)
    // A file that could not be loaded has failed and names no test.
    return file.status === 'failed' && !ran.includes('failed') ? [...ran, 'failed'] : ran
  })
  return { passed: of(each, 'passed'), failed: of(each, 'failed') }
}, testsExit)

const checks = count(() => {
  const each = readFileSync(log, 'utf8').match(/^(?:ok    |failed) /gm) ?? []
  const names = each.map((line) => line.split(' ', 1)[0])
  return { passed: of(names, 'ok'), failed: of(names, 'failed') }
}, checkExit)

const passed = tests.passed + checks.passed
const failed = tests.failed + checks.failed
console.log(`tests: ${tests.passed} passed, ${tests.failed} failed`)
console.log(`checks: ${checks.passed} passed, ${checks.failed} failed`)
console.log(`${passed} passed, ${failed} failed`)
process.exitCode = failed > 0 ? 1 : 0

function count(read, exit) {
  let seen = { passed: 0, failed: 0 }
  try {
    seen = read()
  } catch (error) {
    console.log(String(error))
  }
  const endedBadly = exit !== '0' || seen.passed === 0
  return endedBadly && seen.failed === 0 ? { ...seen, failed: 1 } : seen
}

function of(list, word) {
  return list.filter((each) => each === word).length
}
