/**
 * The worker loads its modules off the event loop. Ended in the middle of that, it left their files open for as long as the
 * process ran: one descriptor, now and then, for each close soon after a first flush.
 */
import { once } from 'node:events';
import type { Worker } from 'node:worker_threads';
import { expect, test } from 'vitest';
import { openBackend } from 'varve';
import { freshPath } from '../contract/support/harness.js';
import { currentHoldings, lastingLeaksSince } from '../support/leak-check.js';

/** The worker thread that the process starts next, once it runs. */
function nextWorker(): Promise<unknown> {
  return once(process, 'worker').then(([worker]) => once(worker as Worker, 'online'));
}

test('a close at any moment of the start of the worker leaves no descriptor', async () => {
  const before = currentHoldings();
  for (let round = 0; round < 10; round++) {
    const backend = await openBackend({ path: freshPath(), memtableBytes: 16_384 });
    const online = nextWorker();
    backend.update((tx) => tx.unsafeCreateBucket('b'));
    for (let key = 0; key < 30; key++) backend.update((tx) => tx.unsafePut('b', `k${key}`, Buffer.alloc(1000)));
    // The first memtable is full and committed, so the worker starts.
    await backend.forceCommit();
    await online;
    // Another moment of the start each time: nothing is waited for.
    await new Promise((resolve) => setTimeout(resolve, round));
    await backend.close();
  }
  expect(await lastingLeaksSince(before)).toEqual([]);
});
