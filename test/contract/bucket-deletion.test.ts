/** Deleting a bucket takes constant time: what it writes does not depend on what the bucket holds. */
import { expect, test } from 'vitest';
import { hourMs, open } from './support/harness.js';

test('deleting a bucket writes as much for ten thousand keys as for none', async () => {
  const backend = await open({ batchIntervalMs: hourMs });
  backend.update((tx) => {
    tx.unsafeCreateBucket('full');
    tx.unsafeCreateBucket('void');
    for (let i = 0; i < 10_000; i++) tx.unsafePut('full', `key ${i}`, 'value');
  });
  await backend.forceCommit();
  const written = async (bucket: string): Promise<number> => {
    const before = backend.stats().walBytesWritten;
    backend.update((tx) => tx.unsafeDeleteBucket(bucket));
    await backend.forceCommit();
    return backend.stats().walBytesWritten - before;
  };
  expect(await written('full')).toBe(await written('void'));
  expect(backend.readTx().unsafeBuckets()).toEqual([]);
});
