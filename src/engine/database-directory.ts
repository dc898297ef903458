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
 * 2. The directory of a new database is durable in its parent before anything in it is; so are those above it that were made for it.
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

/** The directories that are missing on the way to a path, itself included, outermost first. */
export function missingDirectories(fileSystem: FileSystem, directory: string): string[] {
  const missing: string[] = [];
  for (let path = directory; fileSystem.status(path) === undefined; path = joinPath(path, '..')) missing.unshift(path);
  return missing;
}

/**
 * Makes the directory of a new database and its missing parents, each durable before the next one is made in it. The innermost one that is
 * there already may have been made a moment ago, by a caller or by an attempt that failed and could not take it away, so its name
 * is made durable first, as far as its parent allows that. Returns those that were made; where it throws it took them away again.
 */
export function makeDurableDirectory(fileSystem: FileSystem, directory: string): string[] {
  const missing = missingDirectories(fileSystem, directory);
  syncNameOfOther(fileSystem, missing[0] === undefined ? directory : joinPath(missing[0], '..'));
  const made: string[] = [];
  try {
    for (const path of missing) {
      made.push(...fileSystem.makeDirectory(path));
      fileSystem.syncDirectory(joinPath(path, '..'));
    }
  } catch (error) {
    removeDirectories(fileSystem, made);
    throw error;
  }
  return made;
}

/** Makes the name of a directory durable that somebody else may have made. Whoever may not read its parent cannot. */
function syncNameOfOther(fileSystem: FileSystem, directory: string): void {
  try {
    fileSystem.syncDirectory(joinPath(directory, '..'));
  } catch (error) {
    if (!['EACCES', 'EPERM'].includes(systemErrorCode(error) ?? '')) throw error;
  }
}

/** Takes directories away that nobody can have put anything into, so that the next attempt makes them again, durably. */
function removeDirectories(fileSystem: FileSystem, made: readonly string[]): void {
  try {
    for (const path of [...made].reverse()) fileSystem.removeDirectory(path);
  } catch {
    // The first error is the one that matters.
  }
}
