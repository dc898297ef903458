/**
 * The file system as the owner of a directory may use it: names are made, replaced, removed and synced only while the path still leads
 * to the LOCK that this process holds.
 *
 * ```
 *  a name changes ─▶ LOCK at the path is the one that was locked? ── yes ─▶ done
 *                                                                └── no ──▶ VARVE_IO, nothing happened
 * ```
 *
 * A directory can be moved away, removed or replaced while it is open, and somebody may make another database where it was. What is
 * open goes on in the old directory, but a name is looked up from the root again: a new log would appear in the other database,
 * and a file of the other one would be unlinked.
 *
 * **Invariants:**
 * 1. The identity is that of LOCK, which its owner holds open: the system gives its inode to no other file, not even after LOCK was removed.
 * 2. Reads are let pass: whatever is read is bound to the database by checksums. So are writes to files that are open: they reach the
 *    files of this database, wherever those are now, and what they acknowledge is there. A file that is not found while LOCK is gone is
 *    not missing, but elsewhere: VARVE_IO says so.
 * 3. Node cannot name a file relative to an open directory, so a move between the look and the change (microseconds) is not seen.
 */
import { fstatSync, statSync } from 'node:fs';
import { VarveError } from '../errors.js';
import type { FileHandle, FileSystem } from './file-system.js';
import { isMissing } from './io-error.js';

/** Which file LOCK is, wherever its directory goes. Plain data: it is sent to the worker. */
export interface LockIdentity {
  readonly path: string;
  readonly device: bigint;
  readonly inode: bigint;
}

/** The identity of an opened LOCK. */
export function identifyLock(file: FileHandle): LockIdentity {
  const { dev, ino } = fstatSync(file.descriptor, { bigint: true });
  return { path: file.path, device: dev, inode: ino };
}

/** Throws VARVE_IO where the path of LOCK leads to another file, or to none. */
export function checkLockIsThere(lock: LockIdentity): void {
  let cause: unknown;
  try {
    const { dev, ino } = statSync(lock.path, { bigint: true });
    if (dev === lock.device && ino === lock.inode) return;
  } catch (error) {
    cause = error;
  }
  throw new VarveError('VARVE_IO', `${lock.path} is gone: its directory was moved, removed or replaced while it was open`, {
    file: lock.path,
    ...(cause === undefined ? {} : { cause }),
  });
}

/** Whether the path of LOCK leads to the file that was locked. */
export function isLockThere(lock: LockIdentity): boolean {
  try {
    checkLockIsThere(lock);
    return true;
  } catch {
    return false;
  }
}

/** The same files, where names change only as long as `lock` is in its place; all of them where there is no such lock. */
export function whileLocked(fileSystem: FileSystem, lock: LockIdentity | undefined): FileSystem {
  if (lock === undefined) return fileSystem;
  const guarded =
    <Arguments extends unknown[], Result>(change: (...args: Arguments) => Result) =>
    (...args: Arguments): Result => {
      checkLockIsThere(lock);
      return change(...args);
    };
  return {
    open: (path, mode) => {
      if (mode !== 'read') checkLockIsThere(lock);
      try {
        return fileSystem.open(path, mode);
      } catch (error) {
        if (isMissing(error, path)) checkLockIsThere(lock);
        throw error;
      }
    },
    status: (path) => fileSystem.status(path),
    list: (directory) => fileSystem.list(directory),
    availableBytes: (directory) => fileSystem.availableBytes(directory),
    makeDirectory: guarded((path) => fileSystem.makeDirectory(path)),
    rename: guarded((from, to) => fileSystem.rename(from, to)),
    unlink: guarded((path) => fileSystem.unlink(path)),
    removeDirectory: guarded((path) => fileSystem.removeDirectory(path)),
    syncDirectory: guarded((path) => fileSystem.syncDirectory(path)),
    syncDirectoryAsync: async (path) => {
      checkLockIsThere(lock);
      await fileSystem.syncDirectoryAsync(path);
    },
  };
}
