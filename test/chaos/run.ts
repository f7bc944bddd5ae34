/**
 * `npm run chaos`: several processes, one Redis, faults drawn by a seed, and an oracle that knows what each read may show.
 * docs/chaos.md tells how to read what it prints. Ends with code 1 when something was shown that must not be.
 */
import { fileURLToPath } from 'node:url'
import { findRedisBinary } from '../support/redis-binary.ts'
import { ablations } from './ablations.ts'
import { Chaos } from './chaos.ts'
import { type Outcome, isRight, table } from './outcome.ts'
import { settingsFrom } from './settings.ts'

// This file runs compiled, in a folder of its own; a server that was fetched for the tests lies beside the sources.
const fetched = new URL('../../../../node_modules/.cache/cacheflow/', import.meta.url)
const found = findRedisBinary(process.env, fileURLToPath(fetched))
if (found !== undefined) process.env['CACHEFLOW_REDIS_SERVER'] = found

const args = process.argv.slice(2)
const isAll = args.includes('--ablate=all')
process.exitCode = (isAll ? await everyAblation() : isRight(await one(args))) ? 0 : 1

async function one(given: readonly string[]): Promise<Outcome> {
  const settings = settingsFrom(given)
  write(`--seed=${settings.seed}`)
  const outcome = await new Chaos(settings, write).run()
  write(table(outcome))
  if (settings.json) process.stdout.write(`${JSON.stringify(outcome)}\n`)
  return outcome
}

/** Each mechanism taken out once: true when every one of them is missed, or with `--whole` when nothing is. */
async function everyAblation(): Promise<boolean> {
  const rest = args.filter((given) => given !== '--ablate=all')
  const isWhole = rest.includes('--whole')
  const lines: string[] = []
  let isEvery = true
  for (const [name, { without }] of Object.entries(ablations)) {
    const outcome = await one([`--ablate=${name}`, ...rest])
    const { reads, stale, violations, errors } = outcome
    const [first] = violations
    const share = `${((stale / reads) * 100).toFixed(2)} % stale`
    const reason = first ? `${first.staleness.toFixed(0)} ms ${first.why}` : (errors[0] ?? share)
    const cacheability = isRight(outcome)
      ? `right in ${reads} reads`
      : `caught in ${reads}: ${reason}`
    isEvery &&= isRight(outcome) === isWhole
    lines.push(
      `${name.padEnd(20)} ${cacheability.padEnd(60)} ${isWhole ? '' : `without ${without}`}`,
    )
  }
  for (const line of lines) write(line.trimEnd())
  return isEvery
}

function write(line: string): void {
  process.stderr.write(`${line}\n`)
}
