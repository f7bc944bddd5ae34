import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

// Tests and README blocks import the package by its public names and get the source.
const entries = {
  cacheflow: './src/index.ts',
  'cacheflow/adapter': './src/adapter.ts',
  'cacheflow/express': './adapters/express/index.ts',
  'cacheflow/koa': './adapters/koa/index.ts',
  'cacheflow/views': './src/view/index.ts',
}

export default defineConfig({
  resolve: {
    alias: Object.entries(entries).map(([name, file]) => ({
      find: new RegExp(`^${name}$`),
      replacement: fileURLToPath(new URL(file, import.meta.url)),
    })),
  },
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/support/redis-setup.ts'],
    reporters: process.env['TEST_REPORT']
      ? ['default', ['json', { outputFile: process.env['TEST_REPORT'] }]]
      : ['default'],
    testTimeout: 20_000,
    hookTimeout: 20_000,
    typecheck: {
      enabled: true,
      include: ['test/types/**/*.test-d.ts'],
      tsconfig: './test/types/tsconfig.json',
      // Errors of the source itself are reported once, by `npm run check`.
      ignoreSourceErrors: true,
    },
    coverage: { include: ['src/**', 'adapters/**'] },
  },
})
