import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const built = (name: string): string => fileURLToPath(new URL(`./dist/${name}`, import.meta.url));

/** Tests of single modules import from `src`; tests of the whole import `varve` or `varve/…`, which is the built package (workers need it). */
export default defineConfig({
  resolve: {
    alias: [
      { find: /^varve$/, replacement: built('index.js') },
      { find: /^varve\/etcd$/, replacement: built('etcd/index.js') },
    ],
  },
  test: { include: ['test/**/*.test.ts'], pool: 'forks', maxWorkers: 2, testTimeout: 60_000, hookTimeout: 60_000 },
});
