/**
 * A file system whose new files leave some of the disk to others: what flushes and compactions write to, so that they stop before they
 * take the room that the log needs. Everything else is that of the one beneath.
 *
 * A compaction cannot know beforehand how much it will write: what it drops and how well its blocks compress decide that, and where garbage is
 * what fills the disk, compaction is what gives room back. So no estimate refuses a job; the first write that would go below the
 * reserve does.
 *
 * **Invariants:**
 * 1. A write to a file that was created here begins only while the file system would have `reserveBytes` left after it, or cannot tell.
 *    It fails with VARVE_NO_SPACE otherwise, and nothing of it was written.
 * 2. Room that another thread takes in the same moment may be counted twice: the reserve is larger than what that can be.
 */
import { VarveError } from '../errors.js';
import type { FileHandle, FileSystem } from './file-system.js';
import { joinPath } from './path.js';

/** The same files; new ones fail with VARVE_NO_SPACE where writing to them would leave less than `reserveBytes` bytes free. */
export function withReserve(fileSystem: FileSystem, reserveBytes: number): FileSystem {
  const checkRoom = (path: string, pieces: readonly Uint8Array[]): void => {
    const availableBytes = fileSystem.availableBytes(joinPath(path, '..'));
    if (availableBytes === undefined) return;
    let bytes = 0;
    for (const piece of pieces) bytes += piece.length;
    if (availableBytes - bytes >= reserveBytes) return;
    const message = `${path}: ${bytes} bytes of ${availableBytes} would leave less than the ${reserveBytes} that are kept for the log`;
    throw new VarveError('VARVE_NO_SPACE', message, { file: path });
  };
  const guarded = (file: FileHandle): FileHandle => ({
    path: file.path,
    descriptor: file.descriptor,
    sizeBytes: () => file.sizeBytes(),
    read: (target, position) => file.read(target, position),
    write: (pieces, position) => {
      checkRoom(file.path, pieces);
      file.write(pieces, position);
    },
    writeAsync: async (pieces, position) => {
      checkRoom(file.path, pieces);
      await file.writeAsync(pieces, position);
    },
    sync: () => file.sync(),
    syncAsync: () => file.syncAsync(),
    truncate: (sizeBytes) => file.truncate(sizeBytes),
    close: () => file.close(),
  });
  return {
    open: (path, mode) => {
      const file = fileSystem.open(path, mode);
      return mode === 'create' ? guarded(file) : file;
    },
    status: (path) => fileSystem.status(path),
    list: (directory) => fileSystem.list(directory),
    makeDirectory: (path) => fileSystem.makeDirectory(path),
    rename: (from, to) => fileSystem.rename(from, to),
    unlink: (path) => fileSystem.unlink(path),
    removeDirectory: (path) => fileSystem.removeDirectory(path),
    syncDirectory: (path) => fileSystem.syncDirectory(path),
    syncDirectoryAsync: (path) => fileSystem.syncDirectoryAsync(path),
    availableBytes: (directory) => fileSystem.availableBytes(directory),
  };
}
