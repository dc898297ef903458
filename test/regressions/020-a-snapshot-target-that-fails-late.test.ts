/** A target that only buffers has taken nothing yet: writeTo resolves when it has, and says so when it never will. */
import { createWriteStream } from 'node:fs';
import { Writable } from 'node:stream';
import { expect, test } from 'vitest';
import { expectRejection, open, temporaryDirectory } from '../contract/support/harness.js';

async function snapshotOfSome() {
  const backend = await open();
  backend.update((tx) => {
    tx.unsafeCreateBucket('b');
    tx.unsafePut('b', 'k', 'v');
  });
  return backend.snapshot();
}

test('a file that cannot be created is VARVE_IO, not an error thrown at nobody', async () => {
  const snapshot = await snapshotOfSome();
  const target = createWriteStream(`${temporaryDirectory()}/missing/x.tar`);
  const error = await expectRejection(() => snapshot.writeTo(target), 'VARVE_IO');
  expect((error.cause as { code?: string }).code).toBe('ENOENT');
});

test('a write that fails after the target had room is VARVE_IO with its error', async () => {
  const snapshot = await snapshotOfSome();
  const target = new Writable({
    highWaterMark: 1 << 20,
    write: (_chunk, _encoding, callback) => setTimeout(() => callback(new Error('disk gone')), 100),
  });
  const error = await expectRejection(() => snapshot.writeTo(target), 'VARVE_IO');
  expect((error.cause as Error).message).toBe('disk gone');
});

test.each([
  ['ended without closing', { autoDestroy: false }, (target: Writable) => target.end()],
  ['destroyed without saying so', { emitClose: false }, (target: Writable) => target.destroy()],
])('a target that is %s ends the call with VARVE_IO', async (_what, options, end) => {
  const snapshot = await snapshotOfSome();
  const slow = new Writable({
    ...options,
    highWaterMark: 10,
    write: (_chunk, _encoding, callback) => setTimeout(callback, 20),
  });
  const written = expectRejection(() => snapshot.writeTo(slow), 'VARVE_IO');
  setTimeout(() => end(slow), 5);
  await written;
});

test('a failure of the very last piece is VARVE_IO too', async () => {
  const snapshot = await snapshotOfSome();
  let left = snapshot.size();
  const target = new Writable({
    highWaterMark: 1 << 20,
    write: (chunk: Buffer, _encoding, callback) => {
      left -= chunk.length;
      if (left > 0) callback();
      else setTimeout(() => callback(new Error('disk gone')), 50);
    },
  });
  await expectRejection(() => snapshot.writeTo(target), 'VARVE_IO');
});
