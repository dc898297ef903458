/**
 * The runs of the live version with what reads them.
 *
 *   version ── show ──▶ runs, newest first; readers of new tables are opened, those of tables that are gone closed, their files obsolete
 *
 * Invariants:
 * 1. A table has one reader from its coming to its going, whichever run it stands in.
 * 2. How young a run is (`maxSequence`) is decided when it comes, and stays.
 * 3. `generation` changes whenever runs come or go.
 */
import { assert } from '../errors.js';
import { tableFileName } from '../format/file-names.js';
import type { FinishedTable } from '../sstable/table-writer.js';
import type { TableContext } from '../sstable/table-context.js';
import type { TableMetadata } from '../sstable/table-metadata.js';
import { TableReader } from '../sstable/table-reader.js';
import type { LiveFiles } from '../version/live-files.js';
import { type Version, versionTables } from '../version/version.js';

/** A run with what reads it. */
export interface ReadableRun {
  readonly level: number;
  readonly tables: readonly TableMetadata[];
  readonly readers: readonly TableReader[];
}

/** A run of the live version. */
export interface LiveRun extends ReadableRun {
  /**
   * No record that went into it or into an older run, or that their merges dropped, has a larger sequence. The tables alone do not say that: the
   * one with a tombstone goes, together with what it hides, while others of its run are moved as they are. It need not descend from run
   * to run: what a merge made counts as young as the flushes that came while it ran, and stands behind them.
   */
  readonly maxSequence: number;
}

/** What reads the live version. */
export class LiveRuns {
  /** Newest first. */
  list: readonly LiveRun[] = [];
  generation = 0;
  private readers = new Map<number, TableReader>();
  /** By the number of a run: the largest sequence that any table had when it came. */
  private runSequences = new Map<number, number>();
  private largestSequence = 0;

  constructor(
    private readonly tableContext: TableContext,
    private readonly liveFiles: LiveFiles,
  ) {}

  /** The reader of a table of the version that is shown. */
  readerOf(fileNumber: number): TableReader {
    const reader = this.readers.get(fileNumber);
    assert(reader !== undefined, 'a live table has a reader');
    return reader;
  }

  /** Brings runs and readers in step with a version; tables that are no longer part of it are closed and deleted. `fresh`: those just made. */
  show(version: Version, fresh: readonly FinishedTable[]): void {
    const freshByNumber = new Map(fresh.map((table) => [table.metadata.fileNumber, table]));
    const readers = new Map<number, TableReader>();
    const runs: LiveRun[] = [];
    const runSequences = new Map<number, number>();
    for (const { maxSequence } of versionTables(version)) this.largestSequence = Math.max(this.largestSequence, maxSequence);
    version.levels.forEach(({ runs: levelRuns }, level) => {
      for (const { id, tables } of levelRuns) {
        const maxSequence = this.runSequences.get(id) ?? this.largestSequence;
        runSequences.set(id, maxSequence);
        const runReaders = tables.map((metadata) => {
          const known = this.readers.get(metadata.fileNumber);
          const reader = known ?? new TableReader(this.tableContext, metadata, freshByNumber.get(metadata.fileNumber));
          readers.set(metadata.fileNumber, reader);
          return reader;
        });
        runs.push({ level, maxSequence, tables, readers: runReaders });
      }
    });
    for (const [number, reader] of this.readers) {
      if (readers.has(number)) continue;
      reader.close();
      this.liveFiles.markObsolete(tableFileName(number));
    }
    this.readers = readers;
    this.list = runs;
    this.runSequences = runSequences;
    this.generation++;
  }

  /** Gives back descriptors and memory; nothing is read any more. */
  close(): void {
    for (const reader of this.readers.values()) reader.close();
    this.readers.clear();
    this.tableContext.cache.rows.clear();
    this.tableContext.openTables.closeAll();
  }
}
