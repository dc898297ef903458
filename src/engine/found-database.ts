/**
 * A database as it is found in its directory, before anything is changed: which files there are, and what the manifest says of them.
 *
 *   names ─▶ numbers in use, logs ─▶ CURRENT ─▶ manifest ─▶ every table there, with its length ─▶ chain of logs (log-chain.ts)
 *               └ no CURRENT: no state, a new database
 *
 * Invariants:
 * 1. Nothing is written, and no table is opened: names and lengths tell.
 * 2. `nextFileNumber` is above every number that stands in a file name of ours.
 * 3. A table or log that is missing, or a table of another length, is VARVE_CORRUPTION: nothing is opened without it.
 */
import { corruption } from '../errors.js';
import type { FileSystem } from '../env/file-system.js';
import { joinPath } from '../env/path.js';
import { parseFileName, tableFileName } from '../format/file-names.js';
import { storedNumberMax } from '../limits.js';
import { readCurrent } from '../version/current-file.js';
import { readManifest } from '../version/manifest-reader.js';
import type { ManifestState } from '../version/manifest-state.js';
import { versionTables } from '../version/version.js';
import { chainLogs, type LogChainSource } from './log-chain.js';

/** A database as it lies in its directory. */
export interface FoundDatabase {
  readonly state: ManifestState;
  readonly manifestNumber: number;
  /** Above every number in a file name. */
  readonly nextFileNumber: number;
  readonly logNumbers: readonly number[];
}

/** Reads CURRENT and the manifest, and looks whether all that they name is there. */
export function readDatabase(
  fileSystem: FileSystem,
  directory: string,
): Omit<FoundDatabase, 'state'> & { state: ManifestState | undefined } {
  const names = fileSystem.list(directory);
  let nextFileNumber = 1;
  const logNumbers: number[] = [];
  const tables = new Set<number>();
  for (const name of names) {
    const parsed = parseFileName(name);
    if (parsed === undefined) continue;
    // New files get numbers above it.
    if (parsed.number > storedNumberMax) throw corruption(name, undefined, 'the number in the name is out of range');
    nextFileNumber = Math.max(nextFileNumber, parsed.number + 1);
    if (parsed.kind === 'log') logNumbers.push(parsed.number);
    if (parsed.kind === 'table') tables.add(parsed.number);
  }
  const manifestNumber = readCurrent(fileSystem, directory);
  if (manifestNumber === undefined) return { state: undefined, manifestNumber: 0, nextFileNumber, logNumbers };
  const state = readManifest(fileSystem, directory, manifestNumber);
  for (const table of versionTables(state.version)) {
    const name = tableFileName(table.fileNumber);
    if (!tables.has(table.fileNumber)) throw corruption(name, undefined, 'the table is missing');
    const status = fileSystem.status(joinPath(directory, name));
    if (status?.kind !== 'file' || status.sizeBytes !== table.fileBytes) {
      throw corruption(
        name,
        undefined,
        `the table is ${describeStatus(status)}, the manifest says a file of ${table.fileBytes} bytes`,
      );
    }
  }
  return { state, manifestNumber, nextFileNumber, logNumbers };
}

function describeStatus(status: { kind: string; sizeBytes: number } | undefined): string {
  return status === undefined ? 'missing' : status.kind === 'file' ? `a file of ${status.sizeBytes} bytes` : 'no file';
}

/** Throws VARVE_CORRUPTION where a log is missing, or the logs know more than the manifest. */
export function checkLogChain(fileSystem: FileSystem, directory: string, found: FoundDatabase): void {
  chainLogs(logChainSource(fileSystem, directory, found), (error) => {
    throw error;
  });
}

/** Where the chain of logs begins: what the manifest knows of them, and what the directory holds. */
export function logChainSource(fileSystem: FileSystem, directory: string, found: FoundDatabase): LogChainSource {
  const { state, manifestNumber, logNumbers } = found;
  const { databaseId, oldestLogNumber, newestLogNumber, newestLogBytes, nextFileNumber } = state;
  const known = { manifestNumber, oldestLogNumber, newestLogNumber, newestLogBytes, nextFileNumber };
  return { fileSystem, directory, databaseId, logNumbers, ...known };
}
