import { expect, test } from 'vitest';
import { expectCode, freshPath, open } from '../contract/support/harness.js';

// It returned as if it had been done, and what it had written was gone.
test('an update whose function closes the backend is rolled back, and throws VARVE_CLOSED', async () => {
  const path = freshPath();
  const backend = await open({ path });
  backend.update((tx) => tx.unsafeCreateBucket('before'));
  let closing: Promise<void> | undefined;
  expectCode(
    () =>
      backend.update((tx) => {
        tx.unsafeCreateBucket('within');
        closing = backend.close();
        return 'done';
      }),
    'VARVE_CLOSED',
  );
  await closing;
  const reopened = await open({ path });
  expect(reopened.readTx().unsafeBuckets().map(String)).toEqual(['before']);
});
