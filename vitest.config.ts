import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

/** Tests of single modules import from `src`; tests of the whole import `varve`, which is the built package (workers need it). */
export default defineConfig({
  resolve: {
    alias: {
      'varve/level': fileURLToPath(new URL('./dist/level/index.js', import.meta.url)),
      varve: fileURLToPath(new URL('./dist/index.js', import.meta.url)),
    },
  },
  test: { include: ['test/**/*.test.ts'], pool: 'forks', maxWorkers: 2, testTimeout: 60_000, hookTimeout: 60_000 },
});
