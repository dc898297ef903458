import { fileURLToPath } from 'node:url';
import { configDefaults, defineConfig } from 'vitest/config';

const built = (path: string): string => fileURLToPath(new URL(`./dist/${path}`, import.meta.url));

/** Files that replace modules or globals, move their process, or measure it: each has a process of its own. */
const alone = [
  'test/cli/docs.test.ts',
  'test/env/node-calls-that-fail.test.ts',
  'test/env/node-system-calls.test.ts',
  'test/model/crash-model.test.ts',
  'test/regressions/004-no-memory-for-the-index.test.ts',
  'test/regressions/214-a-restore-that-cannot-read-is-no-damage.test.ts',
  'test/steady/memory.test.ts',
];

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
    setupFiles: ['test/support/leak-check.ts'],
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 60_000,
    projects: [
      // Loading the modules anew for each of some two hundred files would take as long as their tests.
      {
        extends: true,
        test: { name: 'shared', isolate: false, include: ['test/**/*.test.ts'], exclude: [...configDefaults.exclude, ...alone] },
      },
      { extends: true, test: { name: 'alone', isolate: true, include: alone, sequence: { groupOrder: 1 } } },
    ],
  },
});
