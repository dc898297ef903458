/**
 * Reading every byte of a database that nobody has open, and reporting every problem.
 *
 *   CURRENT ─▶ manifest ─▶ every table: footer, sections, blocks, order, filter ─▶ every log: frames, records, chain
 *
 * Invariants:
 * 1. Nothing is written.
 * 2. Damage in one file does not keep the others from being read, where they can still be found.
 * 3. Memory: one window, one block or group, and one memtable.
 */
import { VarveError } from '../errors.js';
import type { FileSystem } from '../env/file-system.js';
import { joinPath } from '../env/path.js';
import { loadCodec } from '../format/compression.js';
import { currentFileName, manifestFileName, parseFileName, tableFileName } from '../format/file-names.js';
import { memtableBytesMin } from '../limits.js';
import { OpenTables } from '../sstable/open-tables.js';
import { verifyTable } from '../sstable/table-verifier.js';
import { readCurrent } from '../version/current-file.js';
import { readManifest } from '../version/manifest-reader.js';
import type { ManifestState } from '../version/manifest-state.js';
import { versionTables } from '../version/version.js';
import { BucketCatalog } from './bucket-catalog.js';
import { recoverLogs } from './recovery.js';

export interface Problem {
  file: string;
  offset?: number;
  message: string;
}

export interface DirectoryReport {
  problems: Problem[];
  files: number;
  bytes: number;
  entries: number;
}

function problemOf(error: unknown, file: string): Problem {
  if (!(error instanceof VarveError)) throw error;
  const problem: Problem = { file: error.file ?? file, message: error.message };
  if (error.offset !== undefined) problem.offset = error.offset;
  return problem;
}

class DirectoryVerifier {
  readonly report: DirectoryReport = { problems: [], files: 0, bytes: 0, entries: 0 };

  constructor(
    private readonly fileSystem: FileSystem,
    private readonly directory: string,
  ) {}

  readState(): ManifestState | undefined {
    let name = currentFileName;
    try {
      const manifestNumber = readCurrent(this.fileSystem, this.directory);
      if (manifestNumber === undefined) {
        this.report.problems.push({ file: currentFileName, message: 'the file is missing' });
        return undefined;
      }
      this.count(currentFileName);
      name = manifestFileName(manifestNumber);
      const state = readManifest(this.fileSystem, this.directory, manifestNumber);
      this.count(name);
      return state;
    } catch (error) {
      this.report.problems.push(problemOf(error, name));
      return undefined;
    }
  }

  verifyTables({ version, databaseId }: ManifestState): void {
    const { fileSystem, directory, report } = this;
    const openTables = new OpenTables(fileSystem, directory);
    const context = { fileSystem, directory, databaseId, codec: loadCodec(), openTables };
    for (const table of versionTables(version)) {
      const file = tableFileName(table.fileNumber);
      try {
        const { entries, problems } = verifyTable(context, table);
        report.entries += entries;
        for (const problem of problems) report.problems.push({ file, ...problem });
        this.count(file);
      } catch (error) {
        report.problems.push(problemOf(error, file));
      } finally {
        openTables.close(table.fileNumber);
      }
    }
    openTables.closeAll();
  }

  async verifyLogs(state: ManifestState): Promise<void> {
    const { fileSystem, directory, report } = this;
    const logs = fileSystem.list(directory).filter((name) => parseFileName(name)?.kind === 'log');
    const source = {
      fileSystem,
      directory,
      databaseId: state.databaseId,
      oldestLogNumber: state.oldestLogNumber,
      newestLogNumber: state.newestLogNumber,
      newestLogBytes: state.newestLogBytes,
      logNumbers: logs.map((name) => parseFileName(name)?.number ?? 0),
      memtableBytes: memtableBytesMin,
      nextSequence: state.lastSequence + 1,
      catalog: new BucketCatalog(state.nextBucketId),
    };
    try {
      await recoverLogs(source, ({ memtable }) => {
        report.entries += memtable.recordCount;
        return Promise.resolve();
      });
    } catch (error) {
      report.problems.push(problemOf(error, 'the logs'));
    }
    for (const name of logs) this.count(name);
  }

  private count(name: string): void {
    const status = this.fileSystem.status(joinPath(this.directory, name));
    if (status?.kind !== 'file') return;
    this.report.files++;
    this.report.bytes += status.sizeBytes;
  }
}

/** Verifies the database in a directory. What cannot be read for another reason than damage (VARVE_IO of the system) is a problem too. */
export async function verifyDirectory(fileSystem: FileSystem, directory: string): Promise<DirectoryReport> {
  const verifier = new DirectoryVerifier(fileSystem, directory);
  const state = verifier.readState();
  if (state !== undefined) {
    verifier.verifyTables(state);
    await verifier.verifyLogs(state);
  }
  return verifier.report;
}
