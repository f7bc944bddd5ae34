// npm run check: every tool, two at a time, one line each. Their output is shown where they fail.
// `npm run check -- types lint` runs the named ones (and what they need).
import { spawn } from 'node:child_process'
import { availableParallelism } from 'node:os'
import { delimiter, join } from 'node:path'
import { pack, root } from './package.js'

let tarball

/** `needs` are run before; what has failed fails what needs it. */
const checks = {
  build: { run: () => tool('npm run build --silent') },
  types: { run: () => tool('tsc -p tsconfig.json') },
  'type tests': { run: () => tool('tsc -p test/types') },
  lint: { run: () => tool('oxlint --deny-warnings') },
  format: { run: () => tool('oxfmt --check') },
  knip: { run: () => tool('knip') },
  api: { needs: 'build', run: () => tool('node scripts/api-report.js') },
  pack: { needs: 'build', run: packed },
  package: { needs: 'pack', run: () => tool(`node scripts/package-check.js ${tarball}`) },
  consumers: { needs: 'pack', run: () => tool(`node scripts/consumers.js ${tarball}`) },
  hosts: { needs: 'pack', run: () => tool(`node scripts/hosts.js ${tarball}`) },
  publint: { needs: 'pack', run: () => tool(`publint run ${tarball} --strict`) },
  attw: {
    needs: 'pack',
    run: () => tool(`attw ${tarball} --no-definitely-typed --no-emoji`),
  },
}

const named = process.argv.slice(2)
const unknown = named.filter((name) => !(name in checks))
if (unknown.length > 0) {
  console.log(`failed ${unknown.join(', ')}: none of ${Object.keys(checks).join(', ')}`)
  process.exit(1)
}
const wanted = new Set(named.length > 0 ? named : Object.keys(checks))
for (const name of wanted) if (checks[name].needs) wanted.add(checks[name].needs)

const state = new Map([...wanted].map((name) => [name, 'waiting']))
await Promise.all(Array.from({ length: Math.max(2, availableParallelism()) }, work))

const failed = [...state.values()].filter((each) => each === 'failed').length
console.log(`${state.size - failed} ok, ${failed} failed`)
process.exitCode = failed > 0 ? 1 : 0

async function work() {
  for (let name = next(); name !== undefined; name = next()) {
    if (name === '') {
      await new Promise((resolve) => setTimeout(resolve, 20))
      continue
    }
    const { needs, run } = checks[name]
    if (needs && state.get(needs) === 'failed') {
      report(name, false, `${needs} failed`)
      continue
    }
    state.set(name, 'running')
    const start = performance.now()
    const { ok, output } = await run()
    const seconds = ((performance.now() - start) / 1000).toFixed(1)
    report(name, ok, `${seconds} s`, output)
  }
}

/** The next check whose need is met; '' when there is one but not yet; undefined at the end. */
function next() {
  const waiting = [...state].filter(([, each]) => each === 'waiting').map(([name]) => name)
  if (waiting.length === 0) return undefined
  const done = (name) => name === undefined || ['ok', 'failed'].includes(state.get(name))
  return waiting.find((name) => done(checks[name].needs)) ?? ''
}

function report(name, ok, note, output = '') {
  state.set(name, ok ? 'ok' : 'failed')
  console.log(`${ok ? 'ok    ' : 'failed'} ${name.padEnd(10)} ${note}`)
  if (!ok && output.trim() !== '') console.log(output.trim().replaceAll(/^/gm, '       | '))
}

async function packed() {
  try {
    tarball = pack(join(root, 'temp', 'package'))
    return { ok: true, output: '' }
  } catch (error) {
    return { ok: false, output: String(error.stderr ?? error) }
  }
}

function tool(line) {
  const [command, ...given] = line.split(' ')
  const path = join(root, 'node_modules', '.bin') + delimiter + process.env.PATH
  const child = spawn(command, given, {
    cwd: root,
    env: { ...process.env, PATH: path, FORCE_COLOR: '0', NO_COLOR: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (chunk) => (output += chunk))
  }
  return new Promise((resolve) => {
    child.on('error', (error) => {
      resolve({ ok: false, output: String(error) })
    })
    child.on('close', (code) => {
      resolve({ ok: code === 0, output })
    })
  })
}
