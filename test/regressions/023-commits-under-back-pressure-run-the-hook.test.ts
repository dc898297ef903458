/** A writer that never awaits is committed in place when memory runs out: the hook runs before that commit as before any other. */
import { expect, test } from 'vitest';
import { freshPath, hourMs, open } from '../contract/support/harness.js';

test('what back-pressure commits holds what the hook wrote just before, and every section is whole', async () => {
  const path = freshPath();
  let calls = 0;
  const backend = await open({
    path,
    memtableBytes: 16 * 1024,
    batchLimit: 1_000_000_000,
    batchIntervalMs: hourMs,
    onPreCommit: (tx) => {
      calls++;
      tx.unsafePut('meta', 'index', String(tx.unsafeGet('data', 'last') ?? ''));
    },
  });
  backend.update((tx) => {
    tx.unsafeCreateBucket('meta');
    tx.unsafeCreateBucket('data');
  });
  for (let section = 0; section < 300; section++) {
    backend.update((tx) => {
      for (let i = 0; i < 20; i++) tx.unsafePut('data', `key ${section} ${i}`, 'x'.repeat(100));
      tx.unsafePut('data', 'last', String(section));
    });
  }
  expect(calls).toBeGreaterThan(0);
  expect(backend.stats().commits).toBeLessThanOrEqual(calls);
  await backend.forceCommit();
  const tx = backend.readTx();
  expect(String(tx.unsafeGet('meta', 'index'))).toBe('299');
  for (let section = 0; section < 300; section++) {
    expect(tx.unsafeRange('data', `key ${section} `, `key ${section}!`).keys.length).toBe(20);
  }
});
