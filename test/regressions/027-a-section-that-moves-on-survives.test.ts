/** A defrag seals the memtable under an open section, whose records move to the next one, with their sequences: they must come back. */
import { expect, test } from 'vitest';
import { freshPath, hourMs, open } from '../contract/support/harness.js';

test('a section that was open during a defrag is there after reopening', async () => {
  const path = freshPath();
  const backend = await open({ path, batchIntervalMs: hourMs });
  const tx = backend.batchTx();
  tx.lock();
  tx.unsafeCreateBucket('b');
  tx.unsafePut('b', 'k', 'v');
  await backend.defrag();
  tx.unlock();
  await backend.close();
  const again = await open({ path });
  expect(String(again.readTx().unsafeGet('b', 'k'))).toBe('v');
});
