/**
 * Which files of a damaged database hold it, from the oldest to the newest.
 *
 *   CURRENT ─▶ manifest sound ─▶ its tables: last level first, then the logs it needs            the order of age is known
 *      │              └ names files that are missing, and does not name tables that are there ─┐
 *      └ damaged ─▶ the manifest with the highest number, if it is sound ─▶ the same           │
 *                        └ none ───────────────────────────────────────────────────────────────┴▶ every table and log there is, by
 *                                                     their sequences: the order is a guess where sequences of tables overlap
 *
 * A manifest that was cut off between two records is sound, and older than what lies beside it: its tables were merged and removed, its
 * logs flushed and removed, and what came of them it does not know.
 *
 * Invariants:
 * 1. What is applied later is newer, as far as that can be known; where it cannot, `doubts` says of which tables.
 * 2. A file that cannot be read costs what it holds, and no other file.
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
import { readFooter, readTableMetadata } from '../../sstable/table-file.js';
import { footerBytes } from '../../sstable/table-footer.js';
import type { TableMetadata } from '../../sstable/table-metadata.js';
import { readCurrent } from '../../version/current-file.js';
import { readManifest } from '../../version/manifest-reader.js';
import type { ManifestState } from '../../version/manifest-state.js';
import { readLogHeader } from '../../wal/log-reader.js';
import type { LogToSalvage } from './log-salvage.js';
import { logsOf, missingLogs, type NumberedHeader } from './log-chain.js';
import { type Loss, messageOfDamage, unlessDamaged } from './salvaged.js';

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
  /** Whether no manifest says which tables and logs there must be: then some may be missing that nobody misses. */
  readonly isGuess: boolean;
}

const guessed =
  'every table in the directory was read, also one that was replaced but not yet removed, so what was deleted may be back; ' +
  'and a table or log that is missing is not noticed where no other file speaks of it.';

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
    const { fileSystem, directory, losses, doubts } = this;
    const state = this.readState();
    const databaseId = state?.databaseId ?? this.findDatabaseId();
    const context = { fileSystem, directory, databaseId, codec: loadCodec(), openTables: new OpenTables(fileSystem, directory) };
    const headers = this.readLogHeaders(databaseId, state?.oldestLogNumber ?? 0);
    const isGuess = state === undefined || this.hasLostItsEnd(context, state, headers);
    const tables = isGuess ? this.guessTables(context) : tablesOf(state);
    let lastSequence = state?.lastSequence ?? 0;
    if (isGuess) for (const { metadata } of tables) lastSequence = Math.max(lastSequence, metadata?.maxSequence ?? 0);
    if (isGuess && state !== undefined) this.noteMissingTables(state);
    losses.push(...missingLogs(headers, state, lastSequence));
    return { context, tables, logs: logsOf(headers, state), lastSequence, losses, doubts, isGuess };
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
    if (state === undefined) this.doubts.push(`There is no sound manifest: ${guessed}`);
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
      const id = this.readId(name, at);
      if (id !== undefined) votes.set(id, (votes.get(id) ?? 0) + 1);
    }
    const [winner] = [...votes].sort(([, a], [, b]) => b - a);
    if (winner === undefined) throw corruption(this.directory, undefined, 'no file in it says of which database it is');
    return Buffer.from(winner[0], 'hex');
  }

  /** What stands where a file of that name has the id, in hexadecimal; counted from the end where `at` is negative. */
  private readId(name: string, at: number): string | undefined {
    return unlessDamaged(() => {
      const handle = this.fileSystem.open(joinPath(this.directory, name), 'read');
      try {
        const id = new Uint8Array(databaseIdBytes);
        const offset = at >= 0 ? at : handle.sizeBytes() + at;
        return offset < 0 || handle.read(id, offset) < id.length ? undefined : Buffer.from(id).toString('hex');
      } finally {
        handle.close();
      }
    });
  }

  /** The logs there are from `oldest` on; what is wrong with one is told when it is read. */
  private readLogHeaders(databaseId: Uint8Array, oldest: number): NumberedHeader[] {
    const numbers = this.numbersOf('log').filter((number) => number >= oldest);
    return numbers.map((number) => {
      const header = unlessDamaged(() => readLogHeader(this.fileSystem, this.directory, number, databaseId));
      return { number, header };
    });
  }

  /** Whether files that the manifest names are gone, and tables that it does not know may hold what was in them. */
  private hasLostItsEnd(context: TableFileContext, state: ManifestState, headers: readonly NumberedHeader[]): boolean {
    const named = tablesOf(state).map(({ number }) => number);
    const isComplete =
      named.every((number) => this.names.includes(tableFileName(number))) &&
      missingLogs(headers, state, state.lastSequence).length === 0;
    if (isComplete) return false;
    const unnamed = this.numbersOf('table').filter((number) => !named.includes(number));
    if (!unnamed.some((number) => unlessDamaged(() => readTableMetadata(context, number)) !== undefined)) return false;
    this.doubts.push(
      `The manifest names files that are missing, and not all tables that are there: it may have lost its end. So ${guessed}`,
    );
    return true;
  }

  private noteMissingTables(state: ManifestState): void {
    for (const { number, metadata } of tablesOf(state)) {
      const file = tableFileName(number);
      if (metadata === undefined || this.names.includes(file)) continue;
      const { entryCount: entries, fileBytes: bytes, smallestKey, largestKey } = metadata;
      const message = 'the table is missing; what was in it may be in tables that the manifest does not name';
      this.losses.push({ kind: 'loss', file, bytes, message, entries, isAtMost: true, smallestKey, largestKey });
    }
  }

  private guessTables(context: TableFileContext): TableToSalvage[] {
    // A table that cannot be read at all is told as a loss when its turn comes.
    const tables = this.numbersOf('table').map((number) => {
      return { number, metadata: unlessDamaged(() => readTableMetadata(context, number)) };
    });
    for (const { number, metadata } of tables) {
      if (metadata !== undefined || unlessDamaged(() => readFooter(context, number)) === undefined) continue;
      this.doubts.push(`${tableFileName(number)} does not say how new it is: it was taken for the oldest.`);
    }
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
