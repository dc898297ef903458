/** Callers that share a defrag share nothing else: not their progress functions, not their signals. */
import { getEventListeners } from 'node:events';
import { expect, test } from 'vitest';
import { expectRejection, open, rejectionOf } from '../contract/support/harness.js';

async function filled() {
  const backend = await open({ memtableBytes: 64 * 1024 });
  backend.update((tx) => tx.unsafeCreateBucket('b'));
  for (let round = 0; round < 40; round++) {
    backend.update((tx) => {
      for (let i = 0; i < 100; i++) tx.unsafePut('b', `k${(i * 7919 + round * 31) % 5000}`, `${round}`.repeat(60));
    });
  }
  await backend.forceCommit();
  return backend;
}

test('a progress function that throws rejects its own caller with what it threw, and nobody else', async () => {
  const backend = await filled();
  const thrown = new Error('mine');
  const mine = backend.defrag({
    onProgress: () => {
      throw thrown;
    },
  });
  const other = backend.defrag();
  expect(await rejectionOf(mine)).toBe(thrown);
  await other;
});

test('after the last caller aborted, the next one gets a defrag of its own', async () => {
  const backend = await filled();
  const controller = new AbortController();
  const aborted = expectRejection(() => backend.defrag({ signal: controller.signal }), 'VARVE_ABORTED');
  controller.abort();
  await aborted;
  await backend.defrag();
  expect(
    backend
      .stats()
      .levels.slice(0, -1)
      .every((level) => level.files === 0),
  ).toBe(true);
});

test('a signal that is used again and again keeps no listeners', async () => {
  const backend = await filled();
  const { signal } = new AbortController();
  for (let i = 0; i < 3; i++) await backend.defrag({ signal });
  expect(getEventListeners(signal, 'abort')).toEqual([]);
});
