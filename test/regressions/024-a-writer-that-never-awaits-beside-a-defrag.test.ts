/** Defrag needs no turn of the event loop to end: a thread that only writes goes on beside it. */
import { expect, test } from 'vitest';
import { open } from '../contract/support/harness.js';

test('a synchronous writer that meets a running defrag is not blocked for ever', async () => {
  const backend = await open({ memtableBytes: 16 * 1024, unsafeNoFsync: true });
  const value = Buffer.alloc(100, 1);
  backend.update((tx) => tx.unsafeCreateBucket('b'));
  const write = (prefix: string, sections: number): void => {
    for (let section = 0; section < sections; section++) {
      backend.update((tx) => {
        for (let i = 0; i < 20; i++) tx.unsafePut('b', `${prefix}${(section * 7919 + i) % 20_000}`, value);
      });
    }
  };
  write('k', 1500);
  await backend.forceCommit();
  let begin: () => void = () => {};
  const begun = new Promise<void>((resolve) => {
    begin = resolve;
  });
  const defragged = backend.defrag({ onProgress: () => begin() });
  await begun;
  write('x', 1500);
  await defragged;
  expect(backend.stats().levels.reduce((files, level) => files + level.files, 0)).toBeGreaterThan(0);
});
