// node scripts/hosts.js TARBALL: the package in the tools with which applications compile, bundle and test.
// Each builds the same application (test/hosts) and runs it; its second visit has to be a hit.
import { execFileSync, spawn } from 'node:child_process'
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { createRequire } from 'node:module'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { nodeVersion } from './node-version.js'
import { manifest, root } from './package.js'

const hosts = join(root, 'test', 'hosts')
// Outside of the project, whose tsconfig.json some of them would read.
const work = mkdtempSync(join(tmpdir(), 'cacheflow-hosts-'))
const EXPECTED = 'miss: post 1, rendered 1; hit: post 1, rendered 1; miss: post 1, rendered 1'
/** How long one host may take, milliseconds. */
const TIMEOUT = 120_000

await install()
const esbuild = createRequire(join(hosts, 'package.json'))('esbuild')
const typescript = bin('typescript5', 'tsc')
const common = {
  target: 'es2022',
  strict: true,
  esModuleInterop: true,
  skipLibCheck: true,
  types: ['node'],
  outDir: 'out',
}

const REQUIRE = `import{createRequire}from"node:module";const require=createRequire(import.meta.url);`
const WEBPACK = `
  const webpack = require('webpack')
  webpack({
    mode: 'production', target: 'node', context: __dirname, entry: './js/main.js',
    output: { path: __dirname + '/out', filename: 'main.js' },
    // Express asks for views by computed names.
    ignoreWarnings: [/Critical dependency/],
  }, (error, stats) => {
    if (error || stats.hasErrors()) { console.error(error || stats.toString()); process.exitCode = 1 }
  })
`
const BOTH = `
  import { createRequire } from 'node:module'
  import { cacheFragment, createCacheflow } from 'cacheflow'
  import { cacheflow } from 'cacheflow/express'
  const require = createRequire(import.meta.url)
  const same = require('cacheflow').cacheFragment === cacheFragment &&
    require('cacheflow').createCacheflow === createCacheflow &&
    require('cacheflow/express').cacheflow === cacheflow
  console.log(same ? 'one copy' : 'two copies')
`

/** name -> how the application is built in its folder, and the file to run. */
const cases = [
  compiled('tsc --module commonjs', 'commonjs', { module: 'commonjs', moduleResolution: 'node10' }),
  compiled('tsc node16, CommonJS', 'commonjs', { module: 'node16' }),
  compiled('tsc node16, ES modules', 'module', { module: 'node16' }),
  compiled('tsc nodenext, CommonJS', 'commonjs', { module: 'nodenext' }),
  compiled('tsc nodenext, ES modules', 'module', { module: 'nodenext' }),
  compiled('tsc bundler', 'module', { module: 'esnext', moduleResolution: 'bundler' }),
  ...['cjs', 'esm'].map((format) => ({
    name: `esbuild, ${format}`,
    type: format === 'esm' ? 'module' : 'commonjs',
    build: (folder) =>
      esbuild.build({
        entryPoints: [join(folder, 'main.ts')],
        outfile: join(folder, 'out', 'main.js'),
        bundle: true,
        platform: 'node',
        format,
        ...(format === 'esm' && { banner: { js: REQUIRE } }),
      }),
  })),
  {
    name: 'webpack',
    type: 'commonjs',
    build: (folder) => bundle(folder, 'webpack.cjs', WEBPACK),
  },
  ...['cjs', 'es'].map((format) => ({
    name: `rollup, ${format}`,
    type: format === 'es' ? 'module' : 'commonjs',
    build: (folder) => bundle(folder, 'rollup.cjs', rollup(format)),
  })),
  ...['20.19.0', '22'].flatMap((node) =>
    ['jest29', 'jest30'].flatMap((jest) =>
      ['commonjs', 'module'].map((type) => tested(node, jest, type)),
    ),
  ),
  {
    name: 'import and require in one process',
    type: 'module',
    build: (folder) => {
      mkdirSync(join(folder, 'out'))
      writeFileSync(join(folder, 'out', 'main.js'), BOTH)
    },
    expected: 'one copy',
  },
]

const modules = join(work, 'node_modules')
mkdirSync(join(modules, manifest.name), { recursive: true })
for (const name of readdirSync(join(hosts, 'node_modules'))) {
  symlinkSync(join(hosts, 'node_modules', name), join(modules, name), 'dir')
}
execFileSync('tar', [
  ...['-xzf', process.argv[2], '-C', join(modules, manifest.name)],
  '--strip-components=1',
])

let failed = 0
const waiting = [...cases.entries()]
await Promise.all(Array.from({ length: availableParallelism() }, runWaiting))
rmSync(work, { recursive: true, force: true })
console.log(`${cases.length - failed} hosts run the package, ${failed} do not`)
process.exitCode = failed > 0 ? 1 : 0

async function runWaiting() {
  for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
    const [index, { name, type, build, start, expected = EXPECTED }] = next
    const folder = join(work, String(index))
    mkdirSync(folder)
    writeFileSync(join(folder, 'package.json'), JSON.stringify({ type }))
    for (const file of ['app.ts', 'main.ts']) cpSync(join(hosts, file), join(folder, file))
    try {
      await build(folder)
      const program = [join(folder, 'out', 'main.js')]
      const output = await (start ? start(folder) : run(process.execPath, program))
      if (!output.includes(expected)) throw new Error(`it printed: ${output}`)
    } catch (error) {
      failed++
      console.log(`${name}: ${error instanceof Error ? error.message : String(error)}`)
    }
  }
}

function compiled(name, type, options) {
  return {
    name,
    type,
    build: (folder) => {
      const compilerOptions = { ...common, ...options }
      const config = { compilerOptions, files: ['main.ts'] }
      writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(config))
      return run(process.execPath, [typescript, '-p', folder, '--pretty', 'false'])
    },
  }
}

function tested(node, jest, type) {
  const isModule = type === 'module'
  return {
    name: `${jest}, Node ${node}, ${isModule ? 'ES modules' : 'CommonJS'}`,
    type,
    build: async (folder) => {
      await toJavaScript(folder, isModule ? 'esm' : 'cjs')
      const head = isModule
        ? `import { visits } from './js/app.js'`
        : `const { visits } = require('./js/app.js')`
      writeFileSync(
        join(folder, 'app.test.js'),
        `${head}
        test('the second visit is a hit', async () => {
          expect(await visits()).toBe(${JSON.stringify(EXPECTED)})
        })`,
      )
      writeFileSync(join(folder, 'jest.config.json'), JSON.stringify({ transform: {} }))
    },
    start: (folder) => {
      const flags = isModule ? ['--experimental-vm-modules', '--no-warnings'] : []
      return run(nodeVersion(node), [...flags, bin(jest, 'jest'), '--ci', '--verbose'], folder)
    },
    expected: 'the second visit is a hit',
  }
}

/** The application without its types, as bundlers and Jest without a transform read it. */
function toJavaScript(folder, format) {
  return esbuild.build({
    entryPoints: ['app.ts', 'main.ts'].map((name) => join(folder, name)),
    outdir: join(folder, 'js'),
    format,
  })
}

async function bundle(folder, script, code) {
  await toJavaScript(folder, 'esm')
  writeFileSync(join(folder, 'js', 'package.json'), '{"type":"module"}')
  writeFileSync(join(folder, script), code)
  await run(process.execPath, [join(folder, script)])
}

function rollup(format) {
  return `
    const { rollup } = require('rollup')
    const plugins = ['commonjs', 'node-resolve', 'json'].map((name) => require('@rollup/plugin-' + name))
    const [commonjs, { nodeResolve }, json] = plugins
    rollup({
      input: __dirname + '/js/main.js',
      plugins: [nodeResolve({ preferBuiltins: true }), (commonjs.default ?? commonjs)(), (json.default ?? json)()],
      onwarn() {},
    }).then((made) => made.write({ file: __dirname + '/out/main.js', format: '${format}', inlineDynamicImports: true }))
  `
}

function bin(name, command) {
  const folder = join(hosts, 'node_modules', name)
  const own = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
  return join(folder, typeof own.bin === 'string' ? own.bin : own.bin[command])
}

async function install() {
  if (existsSync(join(hosts, 'node_modules'))) return
  // Applications run here as in production, where npm leaves out what the hosts are.
  await run('npm', ['ci', '--prefix', hosts, '--ignore-scripts', '--include=dev'])
}

function run(command, given, cwd = work) {
  return new Promise((resolve, reject) => {
    const env = { ...process.env, NODE_OPTIONS: '', NODE_ENV: 'production' }
    const child = spawn(command, given, { cwd, env, timeout: TIMEOUT })
    let output = ''
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text) => (output += text))
    }
    child.on('error', reject)
    child.on('close', (code) => {
      if (code === 0) resolve(output)
      else reject(new Error(`${command} ended with ${code}: ${output.slice(0, 2_000)}`))
    })
  })
}
