// node scripts/facade.js [dist]: completes a build of CommonJS with an ES module for each public entry.
// The modules only re-export, so a process that imports and requires the package has one copy of its state.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const dist = resolve(process.argv[2] ?? join(root, 'dist'))
const { exports: entries } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
const require = createRequire(import.meta.url)

write('package.json', { type: 'commonjs' })
rmSync(join(dist, 'esm'), { recursive: true, force: true })
write('esm/package.json', { type: 'module' })

for (const target of Object.values(entries)) {
  if (typeof target === 'string') continue
  const facade = inDist(target.import.default)
  const implementation = inDist(target.require.default)
  const from = relative(dirname(facade), implementation).replaceAll('\\', '/')
  const names = Object.keys(require(join(dist, implementation))).toSorted()
  const lines =
    names.length === 0
      ? [`import '${from}'`, 'export {}']
      : [
          `import implementation from '${from}'`,
          `export const { ${names.join(', ')} } = implementation`,
        ]
  write(facade, `${lines.join('\n')}\n`)
  write(inDist(target.import.types), `export * from '${from}'\n`)
}

/** `./dist/src/index.js` in package.json is `src/index.js` here, wherever the build stands. */
function inDist(path) {
  return relative('dist', path)
}

function write(name, content) {
  const file = join(dist, name)
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, typeof content === 'string' ? content : `${JSON.stringify(content)}\n`)
}
