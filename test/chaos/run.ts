/**
 * `npm run chaos`: several processes, one Redis, faults drawn by a seed, and an oracle that knows what each read may show.
 * docs/chaos.md tells how to read what it prints. Ends with code 1 when something was shown that must not be.
 */
import { Chaos } from './chaos.ts'
import { isRight, table } from './outcome.ts'
import { settingsFrom } from './settings.ts'

const settings = settingsFrom(process.argv.slice(2))
const write = (line: string): void => {
  process.stderr.write(`${line}\n`)
}
write(`--seed=${settings.seed}`)
const outcome = await new Chaos(settings, write).run()
write(table(outcome))
if (settings.json) process.stdout.write(`${JSON.stringify(outcome)}\n`)
process.exitCode = isRight(outcome) ? 0 : 1
