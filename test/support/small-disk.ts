/**
 * A disk in memory of a size that can be changed: writes beyond it fail with ENOSPC, half-way.
 *
 * Files take whole pages of 4 KiB; names and directories take nothing.
 */
import { join } from 'node:path';
import { FailingFileSystem } from './failing-file-system.js';
import { type MemoryFileSystem, systemFailure } from './memory-file-system.js';

const pageBytes = 4096;

function pages(sizeBytes: number): number {
  return Math.ceil(sizeBytes / pageBytes) * pageBytes;
}

/** One disk. */
export class SmallDisk {
  readonly files: FailingFileSystem;
  /** Writes that met the end of the disk. */
  refusedWrites = 0;

  constructor(
    private readonly memory: MemoryFileSystem,
    public capacityBytes: number,
    /** Whether the disk says how much room it has: not all do, and a quota is not in what they say. */
    tellsRoom: boolean,
  ) {
    this.files = new FailingFileSystem(memory);
    this.files.onRoomAsked = () => (tellsRoom ? this.availableBytes : undefined);
    this.files.onCall = ({ kind, path, position = 0, sizeBytes = 0 }) => {
      if (kind !== 'write') return;
      const before = memory.status(path)?.sizeBytes ?? 0;
      const growth = pages(Math.max(before, position + sizeBytes)) - pages(before);
      if (growth === 0 || growth <= this.availableBytes) return;
      this.refusedWrites++;
      throw systemFailure('ENOSPC', path);
    };
  }

  get availableBytes(): number {
    return Math.max(0, this.capacityBytes - this.usedBytes);
  }

  get usedBytes(): number {
    const sizeOf = (path: string): number => {
      const status = this.memory.status(path);
      if (status?.kind !== 'directory') return pages(status?.sizeBytes ?? 0);
      return this.memory.list(path).reduce((sum, name) => sum + sizeOf(join(path, name)), 0);
    };
    return sizeOf('/');
  }
}
