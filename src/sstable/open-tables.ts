/**
 * The table files that are open for reading: at most so many, the one used longest ago is closed first.
 *
 * Invariants:
 * 1. A handle is valid until the next call of `handle`; callers ask again for every read.
 * 2. At most `maximum` handles are open, and fewer where the system allows fewer: then the oldest one makes room, as long as there is one.
 */

import type { FileHandle, FileSystem } from '../env/file-system.js';
import { isMissing } from '../env/io-error.js';
import { joinPath } from '../env/path.js';
import { assert, corruption, isOutOfDescriptors, systemErrorCode } from '../errors.js';
import { tableFileName } from '../format/file-names.js';
import { openTablesMax } from '../limits.js';

/** A bounded set of open table files of one directory. */
export class OpenTables {
  private readonly fileSystem: FileSystem;
  private readonly directory: string;
  private readonly maximum: number;
  /** In the order of use: a Map keeps the order of insertion, and every use inserts anew. */
  private readonly handles = new Map<number, FileHandle>();

  constructor(fileSystem: FileSystem, directory: string, maximum: number = openTablesMax) {
    assert(maximum >= 1, 'at least one table may be open');
    this.fileSystem = fileSystem;
    this.directory = directory;
    this.maximum = maximum;
  }

  /** Files open now. */
  get count(): number {
    return this.handles.size;
  }

  /** The open file of a table. A missing file is VARVE_CORRUPTION: the manifest says that it is there. */
  handle(fileNumber: number): FileHandle {
    const known = this.handles.get(fileNumber);
    if (known !== undefined) {
      this.handles.delete(fileNumber);
      this.handles.set(fileNumber, known);
      return known;
    }
    for (const oldest of this.handles.keys()) {
      if (this.handles.size < this.maximum) break;
      this.close(oldest);
    }
    const opened = this.openInRoom(fileNumber);
    this.handles.set(fileNumber, opened);
    return opened;
  }

  /** Closes the file of a table, if it is open. */
  close(fileNumber: number): void {
    const handle = this.handles.get(fileNumber);
    this.handles.delete(fileNumber);
    handle?.close();
  }

  /** Closes all. Idempotent. */
  closeAll(): void {
    for (const fileNumber of [...this.handles.keys()]) this.close(fileNumber);
  }

  /** Opens a table, at the cost of others where the process or the system has too many files open. */
  private openInRoom(fileNumber: number): FileHandle {
    for (;;) {
      try {
        return this.open(fileNumber);
      } catch (error) {
        const [oldest] = this.handles.keys();
        if (oldest === undefined || !isOutOfDescriptors(systemErrorCode(error))) throw error;
        this.close(oldest);
      }
    }
  }

  private open(fileNumber: number): FileHandle {
    const name = tableFileName(fileNumber);
    const path = joinPath(this.directory, name);
    try {
      return this.fileSystem.open(path, 'read');
    } catch (error) {
      if (isMissing(error, path)) throw corruption(name, undefined, 'the table is missing', error);
      throw error;
    }
  }
}
