/**
 * Whether the disk has room for what a commit is about to write: asked before the log is touched, since a write that fails half-way
 * poisons and a refusal does not.
 *
 *   check(bytes, unflushed) ─▶ within what was granted ─▶ goes on
 *                            └▶ ask the file system ─▶ all fits ─▶ goes on, with a grant for the next commits
 *                                                    └▶ it does not ─▶ VARVE_NO_SPACE, nothing was written; the next check asks again
 *
 * What must fit is the group, the tables that memtables will become (a log is given up only after its flush, so one that left no room for
 * that would stay for ever), and a reserve.
 *
 * The file system is asked once in 64 commits at most, or in half of the headroom that jobs leave (reserve-file-system.ts): so much may be
 * written unasked, and however fast a job fills the disk meanwhile, it fits. Near the end of the disk every commit asks.
 *
 * Invariants:
 * 1. A grant is at most half of what was free beyond the reserve, and at most half of the headroom.
 * 2. Where the file system cannot tell, nothing is refused: the write itself will tell, and poisons where it fails.
 */
import type { FileSystem } from '../env/file-system.js';
import { VarveError } from '../errors.js';
import { headroomBytesMax, reservedBytes } from '../limits.js';

/** Commits that may share one answer of the file system. */
const commitsGrantedMax = 64;

/** Bytes that compactions leave free for the log, beyond the reserve. */
export function headroomBytes(memtableBytes: number): number {
  return Math.min(headroomBytesMax, memtableBytes);
}

export class DiskRoom {
  private grantedBytes = 0;
  private grantedCommits = 0;
  private readonly grantBytesMax: number;

  constructor(
    private readonly fileSystem: FileSystem,
    private readonly directory: string,
    memtableBytes: number,
  ) {
    this.grantBytesMax = headroomBytes(memtableBytes) / 2;
  }

  /** Throws VARVE_NO_SPACE where there is no room for `bytes` more in the log and for flushing `unflushedBytes`. */
  check(bytes: number, unflushedBytes: number): void {
    if (this.grantedCommits > 0 && bytes <= this.grantedBytes) {
      this.grantedCommits--;
      this.grantedBytes -= bytes;
      return;
    }
    this.grantedCommits = 0;
    const availableBytes = this.fileSystem.availableBytes(this.directory);
    const spareBytes =
      availableBytes === undefined ? this.grantBytesMax * 2 : availableBytes - reservedBytes - unflushedBytes - bytes;
    if (spareBytes < 0) {
      const message =
        `the file system of ${this.directory} has ${availableBytes ?? 0} bytes left, a commit needs ${bytes} and leaves ${reservedBytes} ` +
        `and room to flush ${unflushedBytes}: nothing was written, and it can be tried again when there is room`;
      throw new VarveError('VARVE_NO_SPACE', message, { file: this.directory });
    }
    this.grantedCommits = commitsGrantedMax - 1;
    this.grantedBytes = Math.min(this.grantBytesMax, spareBytes / 2);
  }
}
