/**
 * What a directory is to us: nothing yet, a database, or something else.
 *
 *   missing ─┐
 *   empty    ├─▶ a new database may be made
 *   begun    ┘   (a first creation that a crash cut short: no CURRENT, no log, no table, no manifest that tells of one)
 *   database     CURRENT is there
 *   foreign      anything else: never touched
 *
 * Invariants:
 * 1. A directory with logs or tables but without CURRENT, or with a manifest that tells of some, is a damaged database, never an
 *    empty one.
 * 2. The directory of a new database is durable in its parent before anything in it is.
 */
import { corruption, invalidArgument, systemErrorCode, VarveError } from '../errors.js';
import type { FileSystem } from '../env/file-system.js';
import { parseClaimName } from '../env/claim-lock.js';
import { joinPath } from '../env/path.js';
import { currentFileName, type ParsedFileName, parseFileName } from '../format/file-names.js';
import { readManifest } from '../version/manifest-reader.js';

export type DirectoryState = 'new' | 'database';

/** Looks at a directory without changing it. VARVE_IO where the path is no directory. */
export function directoryState(fileSystem: FileSystem, directory: string): DirectoryState | 'foreign' {
  const status = fileSystem.status(directory);
  if (status === undefined) return 'new';
  // A link may lead to a directory: listing tells.
  if (status.kind === 'file') throw new VarveError('VARVE_IO', `${directory} is a file, not a directory`, { file: directory });
  const names = fileSystem.list(directory).filter((name) => parseClaimName(name) === undefined);
  if (names.includes(currentFileName)) return 'database';
  const kinds = names.map((name) => parseFileName(name)?.kind);
  if (kinds.includes('log') || kinds.includes('table')) {
    throw corruption(currentFileName, undefined, 'the file is missing, but the directory holds logs or tables of a database');
  }
  const teller = names.find((name) => tellsOfData(fileSystem, directory, parseFileName(name)));
  if (teller !== undefined)
    throw corruption(currentFileName, undefined, `the file is missing, but ${teller} tells of logs or tables`);
  return kinds.includes(undefined) ? 'foreign' : 'new';
}

/** Whether this is a manifest that a first creation did not leave: logs were committed to, or tables written. */
function tellsOfData(fileSystem: FileSystem, directory: string, file: ParsedFileName | undefined): boolean {
  if (file?.kind !== 'manifest') return false;
  try {
    const state = readManifest(fileSystem, directory, file.number);
    return Math.max(state.newestLogNumber, state.oldestLogNumber, state.lastSequence) > 0;
  } catch (error) {
    // Cut short by the same crash: no CURRENT ever named it.
    if (error instanceof VarveError && error.code === 'VARVE_CORRUPTION') return false;
    throw error;
  }
}

/** Refuses what is no database, as the options say. `isNew` says whether one may be made. */
export function checkDirectory(fileSystem: FileSystem, directory: string, mayCreate: boolean): DirectoryState {
  const state = directoryState(fileSystem, directory);
  if (state === 'database') return state;
  if (!mayCreate) throw new VarveError('VARVE_NOT_FOUND', `${directory} holds no database`, { file: directory });
  if (state === 'foreign') {
    throw invalidArgument(
      `${directory} holds something else than a database; a new one needs a directory that is empty or missing`,
    );
  }
  return state;
}

/**
 * Makes the directory of a new database and its missing parents, durably. One that is there already may have been made a moment ago,
 * by a caller or by an opening that a crash cut short, so its name is made durable too, as far as its parent allows that.
 */
export function makeDurableDirectory(fileSystem: FileSystem, directory: string): string[] {
  const made = fileSystem.makeDirectory(directory);
  try {
    for (const path of made) fileSystem.syncDirectory(joinPath(path, '..'));
    if (made.length === 0) fileSystem.syncDirectory(joinPath(directory, '..'));
  } catch (error) {
    if (made.length === 0 && ['EACCES', 'EPERM'].includes(systemErrorCode(error) ?? '')) return made;
    removeDirectories(fileSystem, made);
    throw error;
  }
  return made;
}

/** Takes directories away that nobody can have put anything into, so that the next attempt makes them again, durably. */
function removeDirectories(fileSystem: FileSystem, made: readonly string[]): void {
  try {
    for (const path of [...made].reverse()) fileSystem.removeDirectory(path);
  } catch {
    // The first error is the one that matters.
  }
}
