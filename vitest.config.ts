import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const built = (path: string): string => fileURLToPath(new URL(`./dist/${path}`, import.meta.url));

/** Tests of single modules import from `src`; tests of the whole import `varve`, which is the built package (workers need it). */
export default defineConfig({
  resolve: {
    alias: {
      'varve/level': built('level/index.js'),
      'varve/etcd': built('etcd/index.js'),
      varve: built('index.js'),
    },
  },
  test: {
    include: ['test/**/*.test.ts'],
    setupFiles: ['test/support/leak-check.ts'],
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
