/**
 * Whether the files are still there that the next open will read: somebody may have removed them under the database that is open.
 *
 *   CURRENT ─▶ its manifest ─▶ logs whose records are in memory ─▶ tables of the version
 *
 * Nothing else tells of it: a file that is open can be written and synced after its name is gone, and what is acknowledged then is
 * lost with the last descriptor.
 *
 * Invariants:
 * 1. Only names are looked up, one status each; nothing is opened, so it works where no descriptor is left.
 * 2. A name that cannot be looked up counts as there: a look that fails is no evidence.
 * 3. Where LOCK is not in its place the directory was moved, and the files with it: then nothing is known, and nothing is said.
 */
import { VarveError } from '../errors.js';
import type { DirectoryLock } from '../env/directory-lock.js';
import type { FileSystem } from '../env/file-system.js';
import { isLockThere } from '../env/locked-files.js';
import { joinPath } from '../env/path.js';
import { currentFileName, lockFileName, logFileName, manifestFileName, tableFileName } from '../format/file-names.js';
import { versionTables } from '../version/version.js';
import type { MemtableSet } from './memtable-set.js';
import type { VersionStore } from './version-store.js';

/** Whose files are looked for. */
export interface OpenDatabase {
  readonly fileSystem: FileSystem;
  readonly directory: string;
  readonly lock: DirectoryLock;
  readonly versions: VersionStore;
  readonly memtables: MemtableSet;
}

/** Names that appear in the message. */
const namesTold = 5;

/** Throws VARVE_IO where a file is gone that the next commit relies on: CURRENT, the manifest, or a log with acknowledged records. */
export function checkLogsAreThere(database: OpenDatabase): void {
  checkAreThere(database, neededLogs(database));
}

/** Throws VARVE_IO where a file is gone without which something acknowledged is lost: as above, or a table. */
export function checkFilesAreThere(database: OpenDatabase): void {
  const tables = [...versionTables(database.versions.version)].map((table) => tableFileName(table.fileNumber));
  checkAreThere(database, [...neededLogs(database), ...tables]);
}

function neededLogs({ versions, memtables }: OpenDatabase): string[] {
  const logs = memtables.all().flatMap((slot) => slot.logExtents().filter(({ bytes }) => bytes > 0));
  const logNames = new Set(logs.map(({ number }) => logFileName(number)));
  return [currentFileName, manifestFileName(versions.currentManifestNumber), ...logNames];
}

function checkAreThere({ fileSystem, directory, lock }: OpenDatabase, names: readonly string[]): void {
  const isGone = (name: string): boolean => {
    try {
      return fileSystem.status(joinPath(directory, name)) === undefined;
    } catch {
      return false;
    }
  };
  const gone = names.filter(isGone);
  const [first] = gone;
  if (first === undefined) return;
  const isMoved = lock.identity === undefined ? isGone(lockFileName) : !isLockThere(lock.identity);
  if (isMoved) return;
  const told = gone.slice(0, namesTold).join(', ');
  const rest = gone.length > namesTold ? ` and ${gone.length - namesTold} more` : '';
  const message = `removed from ${directory} while it was open: ${told}${rest}; what they held is lost when it is closed`;
  throw new VarveError('VARVE_IO', message, { file: joinPath(directory, first) });
}
