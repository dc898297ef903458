/**
 * A file system on which every sync is nothing: what `unsafeNoFsync` asks for. Everything else is that of the one beneath.
 */
import type { FileHandle, FileSystem } from './file-system.js';

function withoutSync(file: FileHandle): FileHandle {
  return {
    path: file.path,
    descriptor: file.descriptor,
    sizeBytes: () => file.sizeBytes(),
    read: (target, position) => file.read(target, position),
    write: (pieces, position) => file.write(pieces, position),
    writeAsync: (pieces, position) => file.writeAsync(pieces, position),
    sync: () => {},
    syncAsync: () => Promise.resolve(),
    truncate: (sizeBytes) => file.truncate(sizeBytes),
    close: () => file.close(),
  };
}

/** The same files, never synced: a crash of the machine may lose or corrupt them. */
export function withoutSyncs(fileSystem: FileSystem): FileSystem {
  return {
    open: (path, mode) => withoutSync(fileSystem.open(path, mode)),
    status: (path) => fileSystem.status(path),
    list: (directory) => fileSystem.list(directory),
    makeDirectory: (path) => fileSystem.makeDirectory(path),
    rename: (from, to) => fileSystem.rename(from, to),
    unlink: (path) => fileSystem.unlink(path),
    removeDirectory: (path) => fileSystem.removeDirectory(path),
    syncDirectory: () => {},
    syncDirectoryAsync: () => Promise.resolve(),
    availableBytes: (directory) => fileSystem.availableBytes(directory),
  };
}
