/**
 * Which files of a damaged database hold it, from the oldest to the newest.
 *
 *   CURRENT ─▶ manifest sound ─▶ its tables: last level first, then the logs it needs            the order of age is known
 *      └ damaged ─▶ the manifest with the highest number, if it is sound ─▶ the same
 *                        └ none ─▶ every table and log there is, by their sequences              the order is a guess where
 *                                                                                              sequences of tables overlap
 *
 * Invariants:
 * 1. What is applied later is newer, as far as that can be known; where it cannot, `doubts` says of which tables.
 */
import { joinPath } from '../../env/path.js';
import type { FileSystem } from '../../env/file-system.js';
import { corruption } from '../../errors.js';
import { compareKeys } from '../../format/bytes.js';
import { loadCodec } from '../../format/compression.js';
import { databaseIdBytes } from '../../format/frame-header.js';
import {
  currentFileName,
  type FileKind,
  logFileName,
  manifestFileName,
  parseFileName,
  tableFileName,
} from '../../format/file-names.js';
import { levelCount } from '../../limits.js';
import { OpenTables } from '../../sstable/open-tables.js';
import type { TableFileContext } from '../../sstable/table-context.js';
import { readTableMetadata } from '../../sstable/table-file.js';
import { footerBytes } from '../../sstable/table-footer.js';
import type { TableMetadata } from '../../sstable/table-metadata.js';
import { readCurrent } from '../../version/current-file.js';
import { readManifest } from '../../version/manifest-reader.js';
import type { ManifestState } from '../../version/manifest-state.js';
import { readLogHeader } from '../../wal/log-reader.js';
import type { LogToSalvage } from './log-salvage.js';
import { type Loss, messageOfDamage } from './salvaged.js';

/** A table to read; without metadata nothing is known of it but that it is there. */
export interface TableToSalvage {
  readonly number: number;
  readonly metadata: TableMetadata | undefined;
}

/** All of them, oldest first. */
export interface SalvagePlan {
  readonly context: TableFileContext;
  readonly tables: readonly TableToSalvage[];
  readonly logs: readonly LogToSalvage[];
  /** Sequences up to this one are in tables. */
  readonly lastSequence: number;
  /** What is known to be missing or damaged before a table or log was read. */
  readonly losses: readonly Loss[];
  /** Sentences on what is not known of the order of tables. */
  readonly doubts: readonly string[];
}

class Planner {
  readonly losses: Loss[] = [];
  readonly doubts: string[] = [];
  private readonly names: readonly string[];

  constructor(
    private readonly fileSystem: FileSystem,
    private readonly directory: string,
  ) {
    this.names = fileSystem.list(directory);
  }

  plan(): SalvagePlan {
    const state = this.readState();
    const databaseId = state?.databaseId ?? this.findDatabaseId();
    const { fileSystem, directory, losses, doubts } = this;
    const openTables = new OpenTables(fileSystem, directory);
    const context = { fileSystem, directory, databaseId, codec: loadCodec(), openTables };
    const tables = state === undefined ? this.guessTables(context) : tablesOf(state);
    const known = tables.map(({ metadata }) => metadata?.maxSequence ?? 0);
    const lastSequence = state?.lastSequence ?? known.reduce((largest, one) => Math.max(largest, one), 0);
    const logs = this.chainLogs(databaseId, state);
    return { context, tables, logs, lastSequence, losses, doubts };
  }

  private numbersOf(kind: FileKind): number[] {
    const parsed = this.names.map((name) => parseFileName(name)).filter((file) => file?.kind === kind);
    return parsed.map((file) => file?.number ?? 0).sort((a, b) => a - b);
  }

  /** The result, or undefined after damage, which is noted: by itself it costs nothing. */
  private attempt<Result>(file: string, read: () => Result): Result | undefined {
    try {
      return read();
    } catch (error) {
      this.losses.push({ kind: 'loss', file, message: messageOfDamage(error), entries: 0 });
      return undefined;
    }
  }

  private readState(): ManifestState | undefined {
    const { fileSystem, directory } = this;
    const newest = this.numbersOf('manifest').at(-1);
    const live = this.attempt(currentFileName, () => {
      const number = readCurrent(fileSystem, directory);
      if (number === undefined) throw corruption(currentFileName, undefined, 'the file is missing');
      return number;
    });
    const number = live ?? newest;
    const state =
      number === undefined
        ? undefined
        : this.attempt(manifestFileName(number), () => readManifest(fileSystem, directory, number));
    if (state === undefined) {
      this.doubts.push(
        'There is no sound manifest: every table in the directory was read, also one that was replaced but not yet removed.',
      );
    }
    return state;
  }

  /** The id that a file of the database gives, the newest first. */
  private findDatabaseId(): Uint8Array {
    const places = [
      ...this.numbersOf('manifest').map((number) => ({ name: manifestFileName(number), at: 16 })),
      ...this.numbersOf('log').map((number) => ({ name: logFileName(number), at: 16 })),
      ...this.numbersOf('table').map((number) => ({ name: tableFileName(number), at: 104 - footerBytes })),
    ];
    const votes = new Map<string, number>();
    for (const { name, at } of places) {
      const handle = this.fileSystem.open(joinPath(this.directory, name), 'read');
      try {
        const id = new Uint8Array(databaseIdBytes);
        const offset = at >= 0 ? at : handle.sizeBytes() + at;
        if (offset < 0 || handle.read(id, offset) < id.length) continue;
        const hex = Buffer.from(id).toString('hex');
        votes.set(hex, (votes.get(hex) ?? 0) + 1);
      } finally {
        handle.close();
      }
    }
    const [winner] = [...votes].sort(([, a], [, b]) => b - a);
    if (winner === undefined) throw corruption(this.directory, undefined, 'no file in it says of which database it is');
    return Buffer.from(winner[0], 'hex');
  }

  private guessTables(context: TableFileContext): TableToSalvage[] {
    const tables = this.numbersOf('table').map((number) => {
      // A table that cannot be read at all is told as a loss when its turn comes.
      try {
        return { number, metadata: readTableMetadata(context, number) };
      } catch (error) {
        messageOfDamage(error);
        return { number, metadata: undefined };
      }
    });
    const age = ({ metadata }: TableToSalvage): number => metadata?.maxSequence ?? -1;
    tables.sort((a, b) => age(a) - age(b) || a.number - b.number);
    this.noteDoubts(tables.flatMap(({ metadata }) => (metadata === undefined ? [] : [metadata])));
    return tables;
  }

  private noteDoubts(tables: readonly TableMetadata[]): void {
    tables.forEach((newer, i) => {
      for (const older of tables.slice(0, i)) {
        const sharesKeys =
          compareKeys(older.smallestKey, newer.largestKey) <= 0 && compareKeys(newer.smallestKey, older.largestKey) <= 0;
        if (!sharesKeys || older.maxSequence < newer.minSequence) continue;
        const [a, b] = [tableFileName(older.fileNumber), tableFileName(newer.fileNumber)];
        this.doubts.push(
          `${b} was taken for newer than ${a}, but their sequences overlap: keys in both may be outdated or deleted.`,
        );
      }
    });
  }

  private chainLogs(databaseId: Uint8Array, state: ManifestState | undefined): LogToSalvage[] {
    const oldest = state?.oldestLogNumber ?? 0;
    const numbers = this.numbersOf('log').filter((number) => number >= oldest);
    const required = new Map<number, number>();
    const missing = (number: number, who: string): void => {
      if (number === 0 || number < oldest || (state === undefined && number < (numbers[0] ?? 0)) || numbers.includes(number))
        return;
      this.losses.push({ kind: 'loss', file: logFileName(number), message: `the log is missing: ${who} names it` });
    };
    for (const number of numbers) {
      try {
        const header = readLogHeader(this.fileSystem, this.directory, number, databaseId);
        if (header === undefined) continue;
        missing(header.previousLogNumber, logFileName(number));
        required.set(header.previousLogNumber, header.previousLogBytes);
      } catch (error) {
        // Told when the log itself is read.
        messageOfDamage(error);
      }
    }
    if (state !== undefined) missing(state.newestLogNumber, 'the manifest');
    return numbers.map((number) => ({
      number,
      requiredBytes: required.get(number) ?? 0,
      durableBytes: number === state?.newestLogNumber ? state.newestLogBytes : undefined,
    }));
  }
}

/** The tables of a version, oldest first. */
function tablesOf({ version }: ManifestState): TableToSalvage[] {
  const tables: TableToSalvage[] = [];
  for (let level = levelCount - 1; level >= 0; level--) {
    const runs = version.levels[level]?.runs ?? [];
    for (const run of [...runs].reverse()) {
      for (const metadata of run.tables) tables.push({ number: metadata.fileNumber, metadata });
    }
  }
  return tables;
}

/** Looks into a directory, without changing it. Needs initializeChecksum. */
export function planSalvage(fileSystem: FileSystem, directory: string): SalvagePlan {
  return new Planner(fileSystem, directory).plan();
}
