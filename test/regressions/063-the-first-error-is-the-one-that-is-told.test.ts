/**
 * What failed while something that had failed was taken back hid the first error: a lock that could not be given back hid that the
 * directory was locked or damaged.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { acquireDirectoryLock } from '../../src/env/directory-lock.js';
import type { FileSystem } from '../../src/env/file-system.js';
import { nodeFileSystem } from '../../src/env/node-file-system.js';
import { claimName } from '../../src/env/claim-lock.js';
import { currentProcess } from '../../src/env/process-identity.js';
import { openOn, smallSizes } from '../support/memory-database.js';
import { FailingFileSystem } from '../support/failing-file-system.js';
import { systemFailure } from '../support/memory-file-system.js';

/** The files of the process, where no file can be made shorter: so the owner's line stays in LOCK. */
function withoutTruncation(): FileSystem {
  const files = new FailingFileSystem(nodeFileSystem);
  let calls = 0;
  files.onCall = ({ kind, path }) => {
    // The first one is that of taking the lock.
    if (kind === 'truncate' && calls++ > 0) throw systemFailure('EIO', path);
  };
  return files;
}

function directory(): string {
  const made = mkdtempSync(join(tmpdir(), 'varve-first-error-'));
  onTestFinished(() => rmSync(made, { recursive: true, force: true }));
  return made;
}

test('a directory that is claimed by another process is locked, also where the lock cannot be cleaned up', () => {
  const at = directory();
  // Of this machine and of a process that lives: this one's parent.
  const other = { ...currentProcess(), pid: process.ppid, startTicks: 0 };
  writeFileSync(join(at, claimName(other)), '');
  expect(() => acquireDirectoryLock(withoutTruncation(), at, { readOnly: false })).toThrow(
    expect.objectContaining({ code: 'VARVE_LOCKED' }),
  );
});

test('a damaged database is damaged, also where the lock cannot be cleaned up', async () => {
  const at = directory();
  writeFileSync(join(at, 'CURRENT'), 'damaged');
  await expect(openOn(withoutTruncation(), { path: at }, smallSizes)).rejects.toMatchObject({ code: 'VARVE_CORRUPTION' });
  // And it is not locked afterwards.
  await expect(openOn(nodeFileSystem, { path: at }, smallSizes)).rejects.toMatchObject({ code: 'VARVE_CORRUPTION' });
});
