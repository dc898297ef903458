/** The hook runs inside close and commit, and may call what anybody may call. */
import { expect, test } from 'vitest';
import type { Backend } from 'varve';
import { expectRejection, freshPath, hourMs, open } from '../contract/support/harness.js';

test('close called by the hook that close runs closes once, with everything committed', async () => {
  const path = freshPath();
  const holder: { backend?: Backend } = {};
  let calls = 0;
  holder.backend = await open({
    path,
    batchIntervalMs: hourMs,
    onPreCommit: () => {
      calls++;
      void holder.backend?.close();
    },
  });
  holder.backend.update((tx) => tx.unsafeCreateBucket('b'));
  await holder.backend.close();
  expect(calls).toBe(1);
  const again = await open({ path });
  expect(again.readTx().unsafeBuckets().map(String)).toEqual(['b']);
});

test('acquire called by the hook gets its turn after the commit, and VARVE_CLOSED at close', async () => {
  let asked: Promise<Disposable> | undefined;
  const backend = await open({
    batchIntervalMs: hourMs,
    onPreCommit: (tx) => {
      asked ??= tx.acquire();
    },
  });
  await backend.forceCommit();
  const held = await (asked as unknown as Promise<Disposable>);
  held[Symbol.dispose]();
  asked = undefined;
  const closed = backend.close();
  await expectRejection(() => asked as unknown as Promise<Disposable>, 'VARVE_CLOSED');
  await closed;
});

test('a function with a then is a thenable: update undoes the section', async () => {
  const backend = await open();
  const thenable = Object.assign(() => {}, { then: (resolve: () => void) => resolve() });
  await expectRejection(async () => {
    backend.update((tx) => {
      tx.unsafeCreateBucket('b');
      return thenable;
    });
  }, 'VARVE_INVALID_ARGUMENT');
  expect(backend.readTx().unsafeBuckets()).toEqual([]);
});
