/**
 * The file LOCK itself: opening it, and the line of its owner in it.
 *
 * ```
 *  writer   opened for writing, made where it is missing
 *  reader   opened for writing where that is allowed ── read-only medium, no right to write ──▶ for reading, its lock to be shared
 *                                                    └─ missing ──▶ none
 * ```
 *
 * LOCK is empty, or holds the line of its last owner (lock-owner.ts): an owner that closes empties it, one that is killed leaves it.
 *
 * **Invariants:**
 * 1. A reader makes nothing. Nobody deletes LOCK: two openers that see different files would both own the directory.
 * 2. What LOCK holds is replaced only where it is ours: a LOCK that is another name of somebody else's file (a hard link) is refused.
 */
import { fstatSync } from 'node:fs';
import { systemErrorCode, VarveError } from '../errors.js';
import type { FileHandle, FileSystem } from './file-system.js';
import { decodeLockOwner, encodeLockOwner, lockOwnerBytesMax } from './lock-owner.js';
import type { ProcessIdentity } from './process-identity.js';

/** LOCK for a writer, made where it is missing. */
export function openForOwner(fileSystem: FileSystem, path: string): FileHandle {
  // Another process may make the file between the two calls, once: it is never deleted.
  for (let attemptsLeft = 2; ; attemptsLeft--) {
    try {
      return fileSystem.open(path, 'modify');
    } catch (error) {
      if (systemErrorCode(error) !== 'ENOENT') throw error;
    }
    try {
      return fileSystem.open(path, 'create');
    } catch (error) {
      if (systemErrorCode(error) !== 'EEXIST' || attemptsLeft === 0) throw error;
    }
  }
}

/** LOCK, and whether its lock is to be shared with other readers. */
export interface OpenedLock {
  readonly file: FileHandle;
  readonly shared: boolean;
}

/** LOCK for a reader: for writing where that is allowed, since a lock that excludes needs it; undefined where it is missing. */
export function openForReader(fileSystem: FileSystem, path: string): OpenedLock | undefined {
  for (const mode of ['modify', 'read'] as const) {
    try {
      return { file: fileSystem.open(path, mode), shared: mode === 'read' };
    } catch (error) {
      const code = systemErrorCode(error) ?? '';
      if (code === 'ENOENT') return undefined;
      if (mode === 'read' || !['EROFS', 'EACCES', 'EPERM'].includes(code)) throw error;
    }
  }
  return undefined;
}

/** The process that the line in LOCK names, or undefined where there is no such line. */
export function readOwner(file: FileHandle): ProcessIdentity | undefined {
  const bytes = new Uint8Array(lockOwnerBytesMax);
  return decodeLockOwner(bytes.subarray(0, file.read(bytes, 0)));
}

/** Throws where LOCK is another name of a file that is no LOCK. A torn line of ours, which a crash may leave, has one name. */
export function refuseForeignFile(file: FileHandle): void {
  const isEmpty = file.sizeBytes() === 0;
  if (isEmpty || fstatSync(file.descriptor).nlink === 1 || readOwner(file) !== undefined) return;
  const message = `${file.path} is a hard link to a file that is no lock of a database: it is left as it is`;
  throw new VarveError('VARVE_IO', message, { file: file.path });
}

/** Puts the line of this process into LOCK, which it holds. */
export function writeOwner(file: FileHandle, self: ProcessIdentity): void {
  const line = encodeLockOwner(self, new Date(performance.timeOrigin));
  file.write([line], 0);
  file.truncate(line.length);
}
