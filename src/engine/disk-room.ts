/**
 * Whether the disk has room for what a commit is about to write: asked before the log is touched, since a write that fails half-way
 * poisons and a refusal does not.
 *
 *   checkRoom ─▶ ask the file system ─▶ all fits ─▶ goes on
 *                                     └▶ it does not ─▶ VARVE_NO_SPACE, nothing was written; the next commit asks again
 *
 * What must fit is the group, the tables that memtables will become (a log is given up only after its flush, so one that left no room for
 * that would stay for ever), and a reserve.
 *
 * Invariants:
 * 1. Every group is asked for. An answer is of no use to a later one: another program may have filled the disk meanwhile. It takes some
 *    microseconds, once a group.
 * 2. Where the file system cannot tell, nothing is refused: the write itself will tell, and poisons where it fails.
 */
import type { FileSystem } from '../env/file-system.js';
import { VarveError } from '../errors.js';
import { headroomBytesMax, reservedBytes } from '../limits.js';

/** Bytes that compactions leave free for the log, beyond the reserve. */
export function headroomBytes(memtableBytes: number): number {
  return Math.min(headroomBytesMax, memtableBytes);
}

/**
 * Throws VARVE_NO_SPACE where there is no room for `bytes` more in the log and for flushing `unflushedBytes`; returns how many bytes there are
 * beyond all that, as far as the file system says so.
 */
export function checkRoom(fileSystem: FileSystem, directory: string, bytes: number, unflushedBytes: number): number | undefined {
  const availableBytes = fileSystem.availableBytes(directory);
  if (availableBytes === undefined) return undefined;
  const spareBytes = availableBytes - reservedBytes - unflushedBytes - bytes;
  if (spareBytes >= 0) return spareBytes;
  const message =
    `the file system of ${directory} has ${availableBytes} bytes left, a commit needs ${bytes} and leaves ${reservedBytes} ` +
    `and room to flush ${unflushedBytes}: nothing was written, and it can be tried again when there is room`;
  throw new VarveError('VARVE_NO_SPACE', message, { file: directory });
}

/**
 * Whether a merge of tables of `tableBytes` bytes might soon find no room beside them: its output may be as large, and meanwhile memtables of
 * `unflushedBytes` are flushed. False where the file system does not say how much room there is.
 */
export function isRoomShort(fileSystem: FileSystem, directory: string, tableBytes: number, unflushedBytes: number): boolean {
  const availableBytes = fileSystem.availableBytes(directory);
  return availableBytes !== undefined && availableBytes < reservedBytes + headroomBytesMax + 2 * tableBytes + unflushedBytes;
}
