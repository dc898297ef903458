/**
 * A source whose `[Symbol.asyncIterator]` throws was reported as a damaged snapshot, not as a source that failed.
 */
import { expect, test } from 'vitest';
import { restoreInto } from '../../src/backend/restore.js';
import { MemoryFileSystem } from '../support/memory-file-system.js';

test('what a source throws when it is asked for its iterator is the cause of VARVE_IO, and nothing is left', async () => {
  const files = new MemoryFileSystem();
  const cause = new Error('the line was cut');
  const source: AsyncIterable<Uint8Array> = {
    [Symbol.asyncIterator]: () => {
      throw cause;
    },
  };
  const error: unknown = await restoreInto(source, '/srv/db', files).catch((reason: unknown) => reason);
  expect(error).toMatchObject({ code: 'VARVE_IO' });
  expect(error instanceof Error && error.cause).toBe(cause);
  expect(files.list('/')).toEqual([]);
});
