/**
 * What becomes of the logs of an earlier process once their records are in memory again (recovery.ts).
 *
 *   log read ─▶ its records in a memtable ─▶ needed: synced, and known to the manifest
 *           └▶ flushed meanwhile, or without a record ─▶ not needed: the manifest lets go of it, and it is removed
 *
 * Invariants:
 * 1. When an open for writing resolves, every log that it needs is on the disk, under its name.
 * 2. The manifest knows the newest of them, with its length: whoever opens next notices where it is gone or shorter.
 * 3. A log is removed only after a durable manifest needs it no more.
 */
import { joinPath } from '../env/path.js';
import { logFileName } from '../format/file-names.js';
import type { Engine } from './engine.js';
import type { MemtableSet } from './memtable-set.js';

/**
 * Logs that were flushed while they or others were still to be read, and logs without records, are needed no more. Some of them the manifest
 * may have passed already: a flush lets go of the logs of its own memtable alone.
 */
export async function letGoOfLogs(
  { parts: { fileSystem, directory, versions, memtables } }: Engine,
  logNumbers: readonly number[],
): Promise<void> {
  const { oldestLogNumber } = memtables;
  const needed = neededLogs(memtables);
  const isThere = (number: number): boolean => fileSystem.status(joinPath(directory, logFileName(number)))?.kind === 'file';
  const unneeded = logNumbers.filter((number) => !needed.has(number) && isThere(number));
  if (unneeded.length === 0) return;
  versions.install({ removedTables: [], addedRuns: [], oldestLogNumber }, [], unneeded, () => {});
  await versions.settled();
}

/** The logs may have been read from memory of the system: now they are on the disk. */
export function syncLogs({ parts: { fileSystem, directory, memtables } }: Engine): void {
  const numbers = neededLogs(memtables);
  for (const number of numbers) {
    const file = fileSystem.open(joinPath(directory, logFileName(number)), 'modify');
    try {
      file.sync();
    } finally {
      file.close();
    }
  }
  if (numbers.size > 0) fileSystem.syncDirectory(directory);
}

/**
 * A crash may come between the sync of a log and that of the manifest, which then does not know the log, or how long it is. From now on
 * somebody may rely on it, so its loss must be told.
 */
export function noteNewestLog({ parts: { versions, memtables } }: Engine): void {
  const newest = memtables.sealed.at(-1)?.recoveredLogs.at(-1);
  if (newest === undefined) return;
  const { newestLogNumber, newestLogBytes } = versions.state;
  const isNoted = newest.number < newestLogNumber || (newest.number === newestLogNumber && newest.bytes <= newestLogBytes);
  if (isNoted) return;
  versions.noteLog(newest.number, newest.bytes);
  versions.syncManifest();
}

/** Numbers of the logs that hold what recovery put into memory. */
function neededLogs({ sealed }: MemtableSet): Set<number> {
  return new Set(sealed.flatMap((slot) => slot.recoveredLogs.map((log) => log.number)));
}
