/**
 * Writes one sorted stream of entries into as many tables as it needs.
 *
 * Invariants:
 * 1. Tables are cut only between distinct keys: all versions of a key are in one table.
 * 2. A table that is returned is complete and synced; `abandon` removes whatever was begun or finished.
 * 3. File numbers come from the job's range, ascending; running out of them is a defect.
 */
import { assert } from '../errors.js';
import type { FileHandle, FileSystem } from '../env/file-system.js';
import { joinPath } from '../env/path.js';
import type { Codec } from '../format/compression.js';
import { tableFileName } from '../format/file-names.js';
import { blockBytesDefault } from '../limits.js';
import type { BlockSlot } from '../sstable/table-scanner.js';
import { type FinishedTable, TableWriter } from '../sstable/table-writer.js';
import { giveTableMemory, takeTableMemory } from '../sstable/table-memory.js';
import type { FileNumberRange, JobSettings } from './job.js';

/** A block of the default size fits, and one that is longer by a large entry. */
const slotBytes = 2 * blockBytesDefault;

/** What writing tables needs of its surroundings. */
export interface WritingContext {
  readonly fileSystem: FileSystem;
  readonly settings: JobSettings;
  readonly codec: Codec | undefined;
  /** Called now and then while a job runs without yielding: a sign of life. */
  readonly beat: () => void;
}

export class RunWriter {
  private writer: TableWriter | undefined;
  private file: FileHandle | undefined;
  private nextNumber: number;
  private finished: FinishedTable[] = [];
  private readonly memory = takeTableMemory();
  private readonly begun: string[] = [];
  bytesWritten = 0;

  constructor(
    private readonly context: WritingContext,
    private readonly numbers: FileNumberRange,
    private readonly filterBitsPerKey: number,
    private readonly minSequence: number,
    private readonly maxSequence: number,
  ) {
    this.nextNumber = numbers.first;
  }

  /** The table to add to. `atNewKey` says that the next entry has another key than the one before, so a cut may be made. */
  tableFor(atNewKey: boolean): TableWriter {
    if (this.writer !== undefined && atNewKey && this.writer.estimatedBytes >= this.context.settings.targetTableBytes)
      this.finishTable();
    this.writer ??= this.beginTable();
    return this.writer;
  }

  /** Ends the current run of tables and returns it; the writer may go on with another run. */
  finishRun(): FinishedTable[] {
    this.finishTable();
    const tables = this.finished;
    this.finished = [];
    return tables;
  }

  /** Memory whose first `windowBytes` are the caller's until `finish`: entries that are added from there are copied fastest. */
  get window(): Buffer {
    return this.memory.blocks.window;
  }

  get windowBytes(): number {
    return this.memory.blocks.windowBytes;
  }

  /** A part of the window, where there are as many. */
  slot(place: number): BlockSlot | undefined {
    const start = place * slotBytes;
    const end = start + slotBytes;
    return end <= this.windowBytes ? { memory: this.window, start, end } : undefined;
  }

  /** Makes the names of all tables durable. No further call. */
  finish(): void {
    if (this.begun.length > 0) this.context.fileSystem.syncDirectory(this.context.settings.directory);
    giveTableMemory(this.memory);
  }

  /** Removes all files that were begun. The first error matters more than one here, so those are left to the next open. */
  abandon(): void {
    this.file?.close();
    this.file = undefined;
    this.writer = undefined;
    for (const path of this.begun) {
      try {
        this.context.fileSystem.unlink(path);
      } catch {
        // The file is an orphan: the next open removes it.
      }
    }
  }

  private beginTable(): TableWriter {
    const { fileSystem, settings, codec } = this.context;
    assert(this.nextNumber < this.numbers.end, 'a job has enough file numbers');
    const fileNumber = this.nextNumber++;
    const path = joinPath(settings.directory, tableFileName(fileNumber));
    this.file = fileSystem.open(path, 'create');
    this.begun.push(path);
    const options = {
      fileNumber,
      databaseId: settings.databaseId,
      blockBytes: settings.blockBytes,
      compression: codec,
      filterBitsPerKey: this.filterBitsPerKey,
    };
    const writer = new TableWriter(this.file, options, this.memory);
    writer.noteSequences(this.minSequence, this.maxSequence);
    return writer;
  }

  private finishTable(): void {
    if (this.writer === undefined || this.file === undefined) return;
    this.context.beat();
    const table = this.writer.finish();
    this.context.beat();
    this.file.close();
    this.writer = undefined;
    this.file = undefined;
    this.bytesWritten += table.metadata.fileBytes;
    this.finished.push(table);
  }
}
