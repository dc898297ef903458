/** An opening tells that the worker's program is not there, where it can know: worker-file.ts. */
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, test } from 'vitest';
import { checkWorkerFile } from '../../src/compaction/worker-file.js';
import { openBackend } from '../../src/index.js';
import { freshPath, temporaryDirectory } from '../contract/support/harness.js';

const url = pathToFileURL(join(import.meta.dirname, 'there-is-none', 'worker-entry.js'));

test('a file that is missing beside a module of JavaScript is VARVE_IO and named, and so is a directory in its place', () => {
  const error = expect.objectContaining({ code: 'VARVE_IO', file: expect.stringMatching(/worker-entry\.js$/) });
  expect(() => checkWorkerFile(url, 'file:///dist/worker-file.js')).toThrow(error);
  const directory = expect.objectContaining({ code: 'VARVE_IO' });
  expect(() => checkWorkerFile(pathToFileURL(temporaryDirectory()), 'file:///bundle.mjs')).toThrow(directory);
});

test('nothing is said where a loader decides what is where', () => {
  checkWorkerFile(url, 'file:///src/worker-file.ts');
  checkWorkerFile(new URL('data:text/javascript,'), 'file:///dist/worker-file.js');
});

// Whoever tests against these sources through a loader could open nothing that is to be written.
test('the sources open without having been built', async () => {
  const backend = await openBackend({ path: freshPath() });
  backend.update((tx) => {
    tx.unsafeCreateBucket('b');
    tx.unsafePut('b', 'k', 'v');
  });
  await backend.forceCommit();
  expect(String(backend.readTx().unsafeGet('b', 'k'))).toBe('v');
  await backend.close();
});
