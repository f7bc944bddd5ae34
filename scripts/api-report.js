// Holds the public surface to etc/*.api.md, one report per entry. With --update the reports are written.
import { mkdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Extractor, ExtractorConfig } from '@microsoft/api-extractor'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
const update = process.argv.includes('--update')

const entries = Object.entries(manifest.exports).filter(([, target]) => typeof target === 'object')
for (const folder of ['etc', 'temp']) mkdirSync(join(root, folder), { recursive: true })

let failed = 0
for (const [
  subpath,
  {
    require: { types },
  },
] of entries) {
  const name = subpath === '.' ? 'cacheflow' : subpath.slice(2)
  const report = `${name}.api.md`
  const changed = compare(name, join(root, types), report)
  if (changed.length > 0) {
    failed++
    console.log(`etc/${report}: ${changed.join('\n  ')}`)
  }
}
console.log(`${entries.length} entries, ${failed} failed`)
process.exitCode = failed > 0 ? 1 : 0

function compare(name, entry, report) {
  const problems = []
  const config = ExtractorConfig.prepare({
    configObjectFullPath: undefined,
    packageJsonFullPath: join(root, 'package.json'),
    configObject: {
      projectFolder: root,
      mainEntryPointFilePath: entry,
      newlineKind: 'lf',
      compiler: {
        overrideTsconfig: {
          compilerOptions: {
            target: 'es2023',
            module: 'nodenext',
            moduleResolution: 'nodenext',
            strict: true,
            skipLibCheck: true,
            types: ['node'],
          },
          files: [entry],
        },
      },
      apiReport: {
        enabled: true,
        reportFileName: report,
        reportFolder: join(root, 'etc'),
        reportTempFolder: join(root, 'temp'),
        includeForgottenExports: false,
      },
      docModel: { enabled: false },
      dtsRollup: { enabled: false },
      tsdocMetadata: { enabled: false },
      messages: {
        compilerMessageReporting: { default: { logLevel: 'error' } },
        extractorMessageReporting: {
          default: { logLevel: 'warning', addToApiReportFile: true },
          // There is one release stage, and headings in doc comments are our own.
          'ae-missing-release-tag': { logLevel: 'none' },
          'ae-undocumented': { logLevel: 'none' },
        },
        tsdocMessageReporting: { default: { logLevel: 'none' } },
      },
    },
  })
  const result = Extractor.invoke(config, {
    localBuild: update,
    messageCallback(message) {
      message.handled = true
      if (message.logLevel === 'error') problems.push(message.formatMessageWithLocation(root))
    },
  })
  if (result.apiReportChanged && !update) {
    problems.push('differs from the build. Read the difference; if it is meant: npm run api')
  }
  if (!result.succeeded && problems.length === 0) problems.push(`${name} could not be analysed`)
  return problems
}
