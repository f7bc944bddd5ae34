// npm run test:hostile -- --seeds=10 --steps=100000: the long run of test/hostile.
// --seed is the first seed, --path a failure's path: both are printed with it. --survey lists every distinct
// failure in place of the first. What else is given goes to vitest: a file, or -t and a title.
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { root } from './package.js'

const names = new Set(['seeds', 'seed', 'steps', 'path', 'survey'])
const given = { steps: '10000' }
const rest = []
for (const argument of process.argv.slice(2)) {
  const [, name, value = '1'] = /^--(\w+)(?:=(.+))?$/.exec(argument) ?? []
  if (name !== undefined && names.has(name)) given[name] = value
  else rest.push(argument)
}
const file = rest[0]?.startsWith('-') === false ? [] : ['test/hostile']
const run = spawn(
  process.execPath,
  [join(root, 'node_modules/vitest/vitest.mjs'), 'run', ...file, ...rest],
  {
    cwd: root,
    stdio: 'inherit',
    env: {
      ...process.env,
      ...Object.fromEntries(
        Object.entries(given).map(([name, value]) => [`HOSTILE_${name.toUpperCase()}`, value]),
      ),
    },
  },
)
run.once('exit', (code) => {
  process.exitCode = code ?? 1
})
