/**
 * One owner a directory: at most one open database in all processes, and none is left locked by a process that died.
 *
 * ```
 *  registry of this thread ─▶ LOCK opened ─▶ kernel lock on its descriptor ─▶ owner's line written into LOCK
 *  (by real path and inode)                └▶ without the library: claims, see claim-lock.ts
 * ```
 *
 * LOCK is empty, or holds a line of its last owner (lock-file.ts). That is there for the message of VARVE_LOCKED and for processes without
 * kernel locks (kernel-lock.ts); under a kernel lock it decides nothing.
 *
 * **Invariants:**
 * 1. The kernel lock (an open file description lock on Linux) belongs to the descriptor: the system gives it back when the
 *    process ends, however it ends, and no other descriptor of the same file gives it back early.
 * 2. LOCK is never deleted or replaced: two openers that see different files would both own the directory. Where somebody else does
 *    it, or moves the directory, the owner is stopped at its next change of a name: see locked-files.ts.
 * 3. A read-only owner excludes others in the same way and changes nothing on disk. Where LOCK cannot be opened for writing it
 *    shares a lock with other readers; where there is no LOCK, or no kernel lock, it looks for a living owner and goes on.
 * 4. Processes with and without the library exclude each other: each first leaves its mark (line or claim), then looks for the
 *    other kind.
 * 5. A file system without descriptors (in memory) is locked in the registry alone, apart from every other file system.
 */
import { realpathSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { VarveError } from '../errors.js';
import { lockFileName } from '../format/file-names.js';
import { claimName, listClaims, takeClaim } from './claim-lock.js';
import type { FileHandle, FileSystem } from './file-system.js';
import { ioError } from './io-error.js';
import { tryKernelLock } from './kernel-lock.js';
import { type OpenedLock, openForOwner, openForReader, readOwner, refuseForeignFile, writeOwner } from './lock-file.js';
import { checkLockIsThere, identifyLock, type LockIdentity } from './locked-files.js';
import { currentProcess, type ProcessIdentity, type ProcessState, processState } from './process-identity.js';

/** The right to a directory, until it is released. */
export interface DirectoryLock {
  /** Which file was locked: for `whileLocked`. Absent where there is no LOCK, or no descriptor of it. */
  readonly identity: LockIdentity | undefined;
  /** Gives the directory back. Idempotent. Throws VARVE_IO where that fails on disk; the lock is given back all the same. */
  release(): void;
}

export interface DirectoryLockOptions {
  /** Take the lock without changing anything on disk. */
  readonly readOnly: boolean;
  /** Which lock: absent, that of the kernel where there is one. Given by tests. */
  readonly protocol?: 'kernel' | 'claim';
}

const registryKey = Symbol.for('varve.directory-locks');

/** Directories by file system, as they were named: all there is for one without descriptors. */
const directoriesOf = new WeakMap<FileSystem, Set<unknown>>();

/** On `globalThis`, so that two copies of the package in one process see each other. */
function registry(): Set<unknown> {
  const existing: unknown = Reflect.get(globalThis, registryKey);
  if (existing instanceof Set) return existing;
  const created = new Set<unknown>();
  Reflect.defineProperty(globalThis, registryKey, { value: created });
  return created;
}

function registryOf(fileSystem: FileSystem): Set<unknown> {
  const directories = directoriesOf.get(fileSystem) ?? new Set<unknown>();
  directoriesOf.set(fileSystem, directories);
  return directories;
}

/** What is held so far; given back in the opposite order, also where taking fails half-way. */
class Holdings implements DirectoryLock {
  identity: LockIdentity | undefined;
  readonly #steps: (() => void)[] = [];

  add(giveBack: () => void): void {
    this.#steps.push(giveBack);
  }

  release(): void {
    let failure: unknown;
    for (let step = this.#steps.pop(); step !== undefined; step = this.#steps.pop()) {
      try {
        step();
      } catch (error) {
        failure ??= error;
      }
    }
    if (failure !== undefined) throw failure;
  }

  /** Enters `key`, or throws VARVE_LOCKED where it is there. */
  register(entries: Set<unknown>, key: string, directory: string): void {
    if (entries.has(key)) {
      throw new VarveError('VARVE_LOCKED', `${directory} is open already in this process (${process.pid})`, { file: directory });
    }
    entries.add(key);
    this.add(() => entries.delete(key));
  }
}

function lockedError(directory: string, owner: ProcessIdentity | undefined, self: ProcessIdentity): VarveError {
  // The line in LOCK may be that of an earlier owner, which was killed.
  const state: ProcessState = owner === undefined ? 'gone' : processState(owner, self);
  const who = owner === undefined || state === 'gone' ? 'another process' : `process ${owner.pid}`;
  const doubt =
    owner !== undefined && state === 'foreign'
      ? ` of another container, which cannot be seen from here (where it runs no more: remove ${claimName(owner)}, if it is there)`
      : '';
  return new VarveError('VARVE_LOCKED', `${directory} is locked by ${who}${doubt}`, { file: join(directory, lockFileName) });
}

/** Throws where a claim of a living process stands in the directory. */
function refuseClaims(fileSystem: FileSystem, directory: string, self: ProcessIdentity): void {
  const claim = listClaims(fileSystem, directory, self).find(({ state }) => state !== 'gone');
  if (claim !== undefined) throw lockedError(directory, claim.owner, self);
}

/** Throws where LOCK names an owner that lives: it holds a lock of the kernel that this process cannot see. */
function refuseOwner(file: FileHandle, directory: string, self: ProcessIdentity): void {
  const owner = readOwner(file);
  // An owner in another namespace cannot be judged. Its line outlives it, while a lock of the kernel does not, so it is let pass.
  if (owner !== undefined && processState(owner, self) === 'alive') throw lockedError(directory, owner, self);
}

/** The directory's one name on the disk; undefined for a directory that only `fileSystem` knows. */
function realPath(fileSystem: FileSystem, directory: string): string | undefined {
  try {
    return realpathSync(directory);
  } catch (error) {
    if (fileSystem.status(directory)?.kind === 'directory') return undefined;
    throw ioError('lock', directory, error);
  }
}

/** Locks the opened LOCK against all other processes; `held` takes what must be given back. */
function lockFile(
  fileSystem: FileSystem,
  directory: string,
  opened: OpenedLock,
  options: DirectoryLockOptions,
  held: Holdings,
): void {
  const { file, shared } = opened;
  const self = currentProcess();
  const locked = options.protocol === 'claim' ? undefined : tryKernelLock(file, shared);
  if (locked === false) throw lockedError(directory, readOwner(file), self);
  if (locked === true) {
    if (!options.readOnly) {
      refuseForeignFile(file);
      held.add(() => file.truncate(0));
      writeOwner(file, self);
    }
    refuseClaims(fileSystem, directory, self);
    return;
  }
  if (options.readOnly) refuseClaims(fileSystem, directory, self);
  else held.add(takeClaim(fileSystem, directory, self, (owner) => lockedError(directory, owner, self)));
  refuseOwner(file, directory, self);
}

/**
 * Takes the directory, which must exist. VARVE_LOCKED where another process has it (the message names its pid where it is known),
 * or this one, by whatever path; VARVE_IO where the directory or LOCK cannot be used.
 */
export function acquireDirectoryLock(fileSystem: FileSystem, directory: string, options: DirectoryLockOptions): DirectoryLock {
  const held = new Holdings();
  try {
    const path = join(directory, lockFileName);
    const opened = options.readOnly ? openForReader(fileSystem, path) : { file: openForOwner(fileSystem, path), shared: false };
    if (opened !== undefined) held.add(() => opened.file.close());
    held.register(registryOf(fileSystem), resolve(directory), directory);
    if (opened?.file.descriptor === -1) return held;
    const real = realPath(fileSystem, directory);
    if (real === undefined) return held;
    held.register(registry(), `path ${real}`, directory);
    if (opened === undefined) {
      refuseClaims(fileSystem, directory, currentProcess());
      return held;
    }
    held.identity = identifyLock(opened.file);
    held.register(registry(), `inode ${held.identity.device}:${held.identity.inode}`, directory);
    lockFile(fileSystem, directory, opened, options, held);
    // LOCK may have been replaced between its opening and its locking.
    checkLockIsThere(held.identity);
    return held;
  } catch (error) {
    releaseAfterFailure(held);
    throw error;
  }
}

/** Gives a lock back because of an error, which is the one that its caller passes on. */
export function releaseAfterFailure(lock: DirectoryLock): void {
  try {
    lock.release();
  } catch {
    // The line that stays in LOCK decides nothing: the lock itself was given back.
  }
}
