import { expect, test } from 'vitest';
import { openDatabase } from '../crash/workload.js';
import { FailingFileSystem } from '../support/failing-file-system.js';
import { MemoryFileSystem, systemFailure } from '../support/memory-file-system.js';

// It rejected, which means that something was lost: but what failed was the note in the manifest of how long the log is.
test.each(['ENOSPC', 'EIO'])(
  'a close with everything committed resolves, though nothing can be written any more: %s',
  async (code) => {
    const files = new FailingFileSystem(new MemoryFileSystem());
    const backend = await openDatabase(files);
    backend.update((tx) => {
      tx.unsafeCreateBucket('a');
      tx.unsafePut('a', 'key', 'value');
    });
    await backend.forceCommit();
    files.onCall = ({ kind, path }) => {
      if (kind === 'write') throw systemFailure(code, path);
    };
    await backend.close();
    files.onCall = undefined;
    const again = await openDatabase(files);
    expect(String(again.readTx().unsafeGet('a', 'key'))).toBe('value');
    await again.close();
  },
);
