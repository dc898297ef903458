/**
 * One run as a merge reads it, or the part of it that is in a range of keys: its tables one after the other, entry by entry or block by
 * block.
 *
 *      open ──▶ at an entry ── next, skipBlock ──▶ at an entry … ──▶ false: the run is read
 *
 * Invariants:
 * 1. At most one table of the run is open: the one that was read is closed before the next is opened.
 */
import type { TableFileContext } from '../sstable/table-context.js';
import type { TableMetadata } from '../sstable/table-metadata.js';
import { type BlockSlot, type ScanRange, TableScanner, touchesRange } from '../sstable/table-scanner.js';

export class RunSource {
  scanner: TableScanner;
  /** Number that stands for the key (source-order.ts). */
  head = 0;
  private nextTable = 1;

  private constructor(
    private readonly context: TableFileContext,
    private readonly tables: readonly TableMetadata[],
    readonly rank: number,
    private readonly slot: BlockSlot | undefined,
    private readonly range: ScanRange | undefined,
  ) {
    this.scanner = new TableScanner(context, tables[0] as TableMetadata, slot, range);
  }

  /** Undefined where the run has no entry in the range. The runs of a merge have ranks: the newest has the lowest. */
  static open(
    context: TableFileContext,
    run: readonly TableMetadata[],
    rank: number,
    slot: BlockSlot | undefined,
    range: ScanRange | undefined,
  ): RunSource | undefined {
    const tables = range === undefined ? run : run.filter((table) => touchesRange(table, range));
    if (tables.length === 0) return undefined;
    const source = new RunSource(context, tables, rank, slot, range);
    return source.scanner.valid || source.enterNextTable() ? source : undefined;
  }

  /** To the next entry; false at the end of the run. */
  next(): boolean {
    this.scanner.next();
    return this.scanner.valid || this.enterNextTable();
  }

  /** To the first entry of the next block; false at the end of the run. */
  skipBlock(): boolean {
    this.scanner.skipBlock();
    return this.scanner.valid || this.enterNextTable();
  }

  private enterNextTable(): boolean {
    for (;;) {
      const table = this.tables[this.nextTable++];
      if (table === undefined) return false;
      this.context.openTables.close(this.scanner.metadata.fileNumber);
      this.scanner = new TableScanner(this.context, table, this.slot, this.range);
      // A table may touch the range and have no key in it.
      if (this.scanner.valid) return true;
    }
  }
}
