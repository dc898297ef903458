/**
 * A file that a snapshot is written to fails with its write, but its stream says so only when the file is closed. By then nobody listened:
 * a full disk under a snapshot ended the process.
 */
import { Writable } from 'node:stream';
import { expect, test } from 'vitest';
import { expectRejection, open } from '../contract/support/harness.js';

test('a target that fails is listened to until it is closed', async () => {
  const backend = await open();
  const snapshot = await backend.snapshot();
  let close: () => void = () => {};
  const target = new Writable({
    write: (_chunk, _encoding, callback) => callback(new Error('disk full')),
    destroy: (error, callback) => {
      close = () => callback(error);
    },
  });
  const error = await expectRejection(() => snapshot.writeTo(target), 'VARVE_IO');
  expect((error.cause as Error).message).toBe('disk full');
  await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
  expect(target.listenerCount('error')).toBe(1);
  close();
  await new Promise<void>((resolve) => target.on('close', resolve));
  expect(target.listenerCount('error')).toBe(0);
  await snapshot.close();
});
