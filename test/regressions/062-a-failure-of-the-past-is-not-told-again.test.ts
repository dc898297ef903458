/**
 * After three flushes in a row had failed, a writer that had to wait for one, and a defrag, were told the last failure at once, without
 * another attempt: up to ten seconds after there was room again, since the pause between attempts doubles.
 */
import { expect, test } from 'vitest';
import { Journal } from '../crash/journal.js';
import { openDatabase } from '../crash/workload.js';
import { FailingFileSystem } from '../support/failing-file-system.js';
import { MemoryFileSystem, systemFailure } from '../support/memory-file-system.js';

const noSpace = { code: 'VARVE_NO_SPACE' };

/** A database whose flushes fail for lack of room until `failing` is over, and have failed more than three times. */
async function withFailedFlushes(): Promise<{
  files: FailingFileSystem;
  write: () => void;
  backend: Awaited<ReturnType<typeof openDatabase>>;
}> {
  const files = new FailingFileSystem(new MemoryFileSystem());
  const journal = new Journal();
  const backend = await openDatabase(files);
  journal.update(backend, (section) => section.create('a'));
  files.onCall = ({ kind, path }) => {
    if (kind === 'create' && path.endsWith('.sst')) throw systemFailure('ENOSPC', path);
  };
  const write = (): void => {
    for (let round = 0; round < 12; round++) journal.update(backend, (section) => section.puts('a', round, 20, 250));
  };
  for (let attempt = 0; attempt < 3; attempt++) expect(write).toThrow(expect.objectContaining(noSpace));
  return { files, write, backend };
}

test('a writer that waits for a flush is told of a failure that it has waited for, and of none before', async () => {
  const { files, write, backend } = await withFailedFlushes();
  const attempts = files.counts.create;
  expect(write).toThrow(expect.objectContaining(noSpace));
  expect(files.counts.create).toBe(attempts + 1);
  files.onCall = undefined;
  write();
  await backend.close();
});

test('a defrag tries again, too', async () => {
  const { files, backend } = await withFailedFlushes();
  await expect(backend.defrag()).rejects.toMatchObject(noSpace);
  files.onCall = undefined;
  await backend.defrag();
  await backend.close();
});
