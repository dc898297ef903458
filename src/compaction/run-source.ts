/**
 * One run as a merge reads it: its tables one after the other, entry by entry or block by block.
 *
 *      new ──▶ at an entry ── next, skipBlock ──▶ at an entry … ──▶ false: the run is read
 *
 * Invariants:
 * 1. At most one table of the run is open: the one that was read is closed before the next is opened.
 */
import type { TableFileContext } from '../sstable/table-context.js';
import type { TableMetadata } from '../sstable/table-metadata.js';
import { type BlockSlot, TableScanner } from '../sstable/table-scanner.js';

export class RunSource {
  scanner: TableScanner;
  /** Number that stands for the key (source-order.ts). */
  head = 0;
  private nextTable = 1;

  /** The runs of a merge have ranks: the newest has the lowest. */
  constructor(
    private readonly context: TableFileContext,
    private readonly tables: readonly TableMetadata[],
    readonly rank: number,
    private readonly slot: BlockSlot | undefined,
  ) {
    this.scanner = new TableScanner(context, tables[0] as TableMetadata, slot);
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
    const table = this.tables[this.nextTable++];
    if (table === undefined) return false;
    this.context.openTables.close(this.scanner.metadata.fileNumber);
    this.scanner = new TableScanner(this.context, table, this.slot);
    return true;
  }
}
