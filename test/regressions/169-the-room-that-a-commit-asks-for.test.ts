import { expect, test } from 'vitest';
import { numbered, putAll } from '../contract/support/content.js';
import { FailingFileSystem } from '../support/failing-file-system.js';
import { openDatabase, path } from '../crash/workload.js';
import { MemoryFileSystem } from '../support/memory-file-system.js';

const keptBytes = 64 * 1024;

// docs/durability.md says how much of a small disk is never used, and when; it had said nothing.
test('a commit is refused while there is less room than its bytes, what memtables hold, and 64 KiB; not one byte more', async () => {
  const memory = new MemoryFileSystem();
  const files = new FailingFileSystem(memory);
  const backend = await openDatabase(files);
  putAll(backend, 'b', numbered(20, 100));
  await backend.forceCommit();
  const logBytes = (): number =>
    memory
      .list(path)
      .filter((name) => name.endsWith('.log'))
      .reduce((sum, name) => sum + (memory.status(`${path}/${name}`)?.sizeBytes ?? 0), 0);
  const before = logBytes();
  putAll(backend, 'b', numbered(10, 100, 'more'));
  let roomBytes = keptBytes + backend.stats().memtableBytes;
  files.onRoomAsked = () => roomBytes;
  const isTaken = (): Promise<boolean> =>
    backend.forceCommit().then(
      () => true,
      (error: unknown) => {
        expect(error).toMatchObject({ code: 'VARVE_NO_SPACE' });
        return false;
      },
    );
  const smallest = roomBytes;
  while (!(await isTaken())) roomBytes++;
  expect(roomBytes - smallest).toBe(logBytes() - before);
  await backend.close();
});
