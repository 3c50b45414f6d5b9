import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // The broker starts nothing by itself: it comes up when the first test file asks for it. The console is bundled in a moment.
    globalSetup: ['test/support/kafka/shared-broker.ts', 'test/support/console-bundle.ts'],
    testTimeout: 30_000,
    hookTimeout: 120_000,
    // Two cores are the smallest machine we promise to test on; brokers and engines run beside the workers.
    maxWorkers: 2,
    pool: 'forks',
  },
})
