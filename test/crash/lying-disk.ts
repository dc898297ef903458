/**
 * A disk that says that it has synced and has not: what a tester must notice, or it is blind.
 */
import type { FileHandle, FileSystem } from '../../src/env/file-system.js';

/** What a disk does not do. */
export interface Lies {
  readonly files: boolean;
  readonly directories: boolean;
}

function lyingHandle(file: FileHandle): FileHandle {
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

/** The same files, on a disk that lies. */
export function lyingDisk(disk: FileSystem, { files, directories }: Lies): FileSystem {
  return {
    open: (path, mode) => (files ? lyingHandle(disk.open(path, mode)) : disk.open(path, mode)),
    status: (path) => disk.status(path),
    availableBytes: (directory) => disk.availableBytes(directory),
    list: (directory) => disk.list(directory),
    makeDirectory: (path) => disk.makeDirectory(path),
    rename: (from, to) => disk.rename(from, to),
    unlink: (path) => disk.unlink(path),
    removeDirectory: (path) => disk.removeDirectory(path),
    syncDirectory: (path) => {
      if (!directories) disk.syncDirectory(path);
    },
    syncDirectoryAsync: (path) => (directories ? Promise.resolve() : disk.syncDirectoryAsync(path)),
  };
}
