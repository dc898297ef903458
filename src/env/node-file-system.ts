/**
 * The file system of the process, through Node's `fs`.
 *
 * | mode   | flags                                      | creates          |
 * | read   | O_RDONLY, O_NOFOLLOW, O_NONBLOCK           |                  |
 * | modify | O_RDWR, O_NOFOLLOW, O_NONBLOCK             |                  |
 * | create | O_RDWR, O_NOFOLLOW, O_CREAT, O_EXCL        | file, mode 0600  |
 *
 * **Invariants:**
 * 1. What `open` returns is a regular file: a link fails with ELOOP, and a FIFO, device or directory is opened without
 *    blocking (O_NONBLOCK), recognised by fstat, and refused with VARVE_IO. Asking before opening would leave a gap.
 * 2. Every failure is a VarveError with the path and the system's error, the first one where cleaning up fails too; no descriptor and
 *    no new file or directory outlives a failed call.
 * 3. Directories are synced through a descriptor of their own; Windows cannot do that, and there it is left out.
 */
import {
  constants,
  fstatSync,
  fsync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmdirSync,
  statfsSync,
  statSync,
  unlinkSync,
} from 'node:fs';
import { dirname, resolve } from 'node:path';
import { systemErrorCode, VarveError } from '../errors.js';
import type { FileHandle, FileStatus, FileSystem, OpenMode } from './file-system.js';
import { ioError } from './io-error.js';
import { closeDescriptor, NodeFileHandle } from './node-file-handle.js';

const fileMode = 0o600;
const directoryMode = 0o700;

const openFlags: Readonly<Record<OpenMode, number>> = {
  read: constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK,
  modify: constants.O_RDWR | constants.O_NOFOLLOW | constants.O_NONBLOCK,
  create: constants.O_RDWR | constants.O_NOFOLLOW | constants.O_CREAT | constants.O_EXCL,
};

const directoriesCanBeSynced = process.platform !== 'win32';

function attempt<Result>(action: string, path: string, run: () => Result): Result {
  try {
    return run();
  } catch (error) {
    throw ioError(action, path, error);
  }
}

/** Makes one directory whose parent exists; false where another process made it meanwhile. */
function makeOneDirectory(path: string): boolean {
  try {
    mkdirSync(path, { mode: directoryMode });
    return true;
  } catch (error) {
    if (systemErrorCode(error) === 'EEXIST' && statSync(path, { throwIfNoEntry: false })?.isDirectory() === true) return false;
    throw error;
  }
}

/** Takes back a step of something that failed: its own failure matters less. */
function undo(step: () => void): void {
  try {
    step();
  } catch {
    // The error that led here is the one that is told.
  }
}

/** FileSystem on `node:fs`. It has no state: `nodeFileSystem` is the only one needed. */
export class NodeFileSystem implements FileSystem {
  open(path: string, mode: OpenMode): FileHandle {
    const descriptor = attempt('open', path, () => openSync(path, openFlags[mode], fileMode));
    try {
      if (!fstatSync(descriptor).isFile()) {
        throw new VarveError('VARVE_IO', `cannot open ${path}: it is not a regular file`, { file: path });
      }
    } catch (error) {
      closeDescriptor(descriptor);
      // It was not there before: left behind, it would stand in the way of the next attempt.
      if (mode === 'create') undo(() => unlinkSync(path));
      throw ioError('open', path, error);
    }
    return new NodeFileHandle(path, descriptor);
  }

  status(path: string): FileStatus | undefined {
    const found = attempt('look at', path, () => lstatSync(path, { throwIfNoEntry: false }));
    if (found === undefined) return undefined;
    return { kind: found.isFile() ? 'file' : found.isDirectory() ? 'directory' : 'other', sizeBytes: found.size };
  }

  list(directory: string): string[] {
    return attempt('list', directory, () => readdirSync(directory));
  }

  makeDirectory(path: string): string[] {
    return attempt('make directory', path, () => {
      const missing: string[] = [];
      // Links are followed here: the database may be below one. The root always exists, so the walk ends.
      for (let at = resolve(path); statSync(at, { throwIfNoEntry: false }) === undefined; at = dirname(at)) missing.unshift(at);
      // What is there but is no directory fails here, as the system words it.
      if (missing.length === 0) makeOneDirectory(resolve(path));
      const made: string[] = [];
      try {
        for (const directory of missing) if (makeOneDirectory(directory)) made.push(directory);
      } catch (error) {
        for (const directory of made.reverse()) undo(() => rmdirSync(directory));
        throw error;
      }
      return made;
    });
  }

  rename(from: string, to: string): void {
    attempt('rename', from, () => renameSync(from, to));
  }

  unlink(path: string): void {
    attempt('unlink', path, () => unlinkSync(path));
  }

  removeDirectory(path: string): void {
    attempt('remove directory', path, () => rmdirSync(path));
  }

  syncDirectory(path: string): void {
    if (!directoriesCanBeSynced) return;
    attempt('sync directory', path, () => {
      const descriptor = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY);
      try {
        fsyncSync(descriptor);
      } finally {
        closeDescriptor(descriptor);
      }
    });
  }

  async syncDirectoryAsync(path: string): Promise<void> {
    if (!directoriesCanBeSynced) return;
    const descriptor = attempt('sync directory', path, () => openSync(path, constants.O_RDONLY | constants.O_DIRECTORY));
    try {
      await new Promise<void>((resolvePromise, reject) => {
        fsync(descriptor, (error) => (error === null ? resolvePromise() : reject(error)));
      });
    } catch (error) {
      throw ioError('sync directory', path, error);
    } finally {
      closeDescriptor(descriptor);
    }
  }

  availableBytes(directory: string): number | undefined {
    try {
      const { blocks, bavail, bsize } = statfsSync(directory);
      // Some file systems count no blocks at all (a tmpfs without a limit).
      return blocks > 0 ? bavail * bsize : undefined;
    } catch {
      // A system or file system that cannot tell, or a directory that is gone: the write itself will tell.
      return undefined;
    }
  }
}

/** The file system of this process. */
export const nodeFileSystem: FileSystem = new NodeFileSystem();
