import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    testTimeout: 30_000,
    hookTimeout: 120_000,
    // Two cores are the smallest machine we promise to test on; brokers and engines run beside the workers.
    maxWorkers: 2,
    pool: 'forks',
  },
})
