/** The rest of the life of a store: opening it, reclaiming its space, copying it while it is open. */
import { rmSync } from 'node:fs';

/**
 * The opening itself is measured by who opens; here one read shows that it is open.
 * @param {import('./write.js').Context} context
 */
async function readOne({ store, keys, meter }) {
  const results = [undefined];
  meter.start(1);
  const beganAt = performance.now();
  await store.getMany([keys.of(0, 0)], 1, results);
  meter.call(beganAt);
  meter.acknowledged(1);
  if (results[0] === undefined) throw new Error('the first entry is not there');
}

/** @param {import('./write.js').Context} context */
async function compactAll({ store, entries, meter }) {
  meter.start(entries);
  const beganAt = performance.now();
  await store.compact?.();
  meter.call(beganAt);
  meter.acknowledged(entries);
}

/** @param {import('./write.js').Context} context */
async function copyAll({ store, entries, meter }) {
  const target = `${meter.directory}.copy`;
  meter.start(entries);
  const beganAt = performance.now();
  await store.backup?.(target);
  meter.call(beganAt);
  meter.acknowledged(entries);
  for (const path of [target, `${target}.tar`, `${target}.sqlite`]) rmSync(path, { recursive: true, force: true });
}

/** @type {import('./write.js').Workload[]} */
export const lifeWorkloads = [
  { name: 'open', question: 'opening after a clean close', start: 'filled', mayReuse: true, run: readOne },
  { name: 'open-killed', question: 'opening what a process left that was killed while it wrote', start: 'killed', run: readOne },
  {
    name: 'compact',
    question: 'defrag, compactRange or VACUUM of everything',
    start: 'filled',
    only: ['varve', 'classic-level', 'better-sqlite3', 'rocksdb-native'],
    run: compactAll,
  },
  {
    name: 'backup',
    question: 'a consistent copy of the open store, into a file beside it',
    start: 'filled',
    mayReuse: true,
    only: ['varve', 'lmdb', 'better-sqlite3'],
    run: copyAll,
  },
];
