import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { configDefaults, defineConfig } from 'vitest/config'
import { testsToSkip } from './test/support/redis-setup.ts'

// Tests and README blocks import the package by its public names and get the source.
const entries = {
  cacheflow: './src/index.ts',
  'cacheflow/adapter': './src/adapter.ts',
  'cacheflow/express': './adapters/express/index.ts',
  'cacheflow/koa': './adapters/koa/index.ts',
  'cacheflow/views': './src/views/index.ts',
}

// What starts processes and servers, and lets real time pass, for at least one of its tests.
const withProcesses = [
  'test/chaos/**/*.test.ts',
  'test/consistency/**/*.test.ts',
  'test/house/**/*.test.ts',
  'test/redis/**/*.test.ts',
  'test/scenarios/shop*.test.ts',
  'test/redis/connection.test.ts',
  'test/views/**/*.test.ts',
  'test/warming/**/*.test.ts',
]

// Without a Redis to start, the tests that need one are skipped with one line, and all others run.
const skipped = await testsToSkip((line) => process.stderr.write(`${line}\n`))

export default defineConfig({
  resolve: {
    alias: Object.entries(entries).map(([name, file]) => ({
      find: new RegExp(`^${name}$`),
      replacement: fileURLToPath(new URL(file, import.meta.url)),
    })),
  },
  test: {
    reporters: process.env['TEST_REPORT']
      ? ['default', ['json', { outputFile: process.env['TEST_REPORT'] }]]
      : ['default'],
    testTimeout: 20_000,
    hookTimeout: 20_000,
    coverage: { include: ['src/**', 'adapters/**'] },
    projects: [
      {
        extends: true,
        test: {
          name: 'in-process',
          include: ['test/**/*.test.ts'],
          exclude: [...configDefaults.exclude, ...withProcesses, ...skipped],
          // To import the frameworks and the source costs more than most files' tests. Neither keeps anything outside of
          // the applications and caches that a test makes.
          isolate: false,
          // Nothing here waits for a clock: all cores can be busy.
          maxWorkers: availableParallelism(),
          typecheck: {
            enabled: true,
            include: ['test/types/**/*.test-d.ts'],
            tsconfig: './test/types/tsconfig.json',
            // Errors of the source itself are reported once, by `npm run check`.
            ignoreSourceErrors: true,
          },
        },
      },
      {
        extends: true,
        test: {
          name: 'processes',
          include: withProcesses,
          exclude: [...configDefaults.exclude, ...skipped],
          isolate: false,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
})
