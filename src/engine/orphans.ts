/**
 * Orphans: files of ours that nothing names. A crash left them, or they could not be removed when they were needed no more.
 *
 * | file      | is an orphan                                          | for instance left by                     |
 * | temporary | always                                                | a change of CURRENT that did not end     |
 * | table     | where the version does not have it                    | a job that did not end                   |
 * | log       | where its number is below that of the oldest needed   | a removal that a crash undid             |
 * | manifest  | where CURRENT does not name it                        | an open that did not get as far          |
 *
 * Invariants:
 * 1. They are looked for when the manifest that does not name them is durable, and before anything runs that makes files.
 * 2. Only plain files with names of ours are removed: what somebody else put into the directory stays.
 * 3. One that cannot be removed is in nobody's way: numbers go on above its own, and nothing reads it.
 */
import { joinPath } from '../env/path.js';
import { type ParsedFileName, parseFileName } from '../format/file-names.js';
import { versionTables } from '../version/version.js';
import type { Engine } from './engine.js';

/**
 * Removes outputs of jobs that did not end, old manifests and logs, temporary files. What cannot be unlinked is kept for another try
 * (LiveFiles), and keeps nobody from opening.
 */
export function removeOrphans({ parts: { fileSystem, directory, versions, liveFiles } }: Engine): void {
  const { state, currentManifestNumber } = versions;
  const tables = new Set([...versionTables(state.version)].map((table) => table.fileNumber));
  const isOrphan = ({ kind, number }: ParsedFileName): boolean =>
    kind === 'temporary' ||
    (kind === 'table' && !tables.has(number)) ||
    (kind === 'log' && number < state.oldestLogNumber) ||
    (kind === 'manifest' && number !== currentManifestNumber);
  for (const name of fileSystem.list(directory)) {
    const file = parseFileName(name);
    if (file === undefined || !isOrphan(file)) continue;
    if (fileSystem.status(joinPath(directory, name))?.kind === 'file') liveFiles.markObsolete(name);
  }
}
