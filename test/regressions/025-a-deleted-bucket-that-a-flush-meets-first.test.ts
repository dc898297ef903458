/** Tables of a bucket that is gone are removed, whichever work is scheduled first after its deletion. */
import { expect, test } from 'vitest';
import { open, until } from '../contract/support/harness.js';

const filesOf = (backend: Awaited<ReturnType<typeof open>>): number =>
  backend.stats().levels.reduce((files, level) => files + level.files, 0);

test('a flush that starts before the deletion is looked at does not hide it', async () => {
  const backend = await open({ memtableBytes: 16 * 1024, compression: 'none' });
  const fill = (bucket: string, entries: number): void =>
    backend.update((tx) => {
      for (let i = 0; i < entries; i++) tx.unsafePut(bucket, `key ${i}`, 'x'.repeat(100));
    });
  backend.update((tx) => {
    tx.unsafeCreateBucket('big');
    tx.unsafeCreateBucket('small');
  });
  for (let round = 0; round < 20; round++) fill('big', 200);
  await backend.defrag();
  fill('big', 2000);
  await backend.defrag();
  const before = filesOf(backend);
  expect(before).toBeGreaterThan(2);
  backend.update((tx) => tx.unsafeDeleteBucket('big'));
  fill('small', 200);
  await backend.forceCommit();
  for (let round = 0; round < 3; round++) {
    fill('small', 200);
    await backend.forceCommit();
  }
  await until(() => filesOf(backend) < before, 'the tables of the deleted bucket go');
});
