/**
 * Merging runs into one: the work of a compaction, in slices.
 *
 *   run 0 (newest)  [scanner]─┐
 *   run 1           [scanner]─┼─ sorted by key, then by age ─▶ DropPolicy ─▶ RunWriter
 *   run 2 (oldest)  [scanner]─┘
 *
 * The sources stand in the order of the keys they are at (source-order.ts); the first is taken, moved, and put back at its place.
 * Where a whole block of one source comes before all other sources, and nothing in it can be dropped, its stored bytes are copied
 * as they are.
 *
 * Worked example of a block that must not be copied: run 0 ends a block with the tombstone of key c; run 1 has a block that begins
 * with c. The versions of c belong together, so a block whose first key was just seen is taken entry by entry.
 *
 * Invariants:
 * 1. Every entry of every input is read, or stands in a block that was copied: scanners check their totals, and damage throws. What the
 *    tables that were written hold and what was dropped add up to what the manifest says of the inputs, or nothing is installed. Where the job
 *    is a part of a compaction, the sum is that of all parts.
 * 2. The generator yields often enough (some milliseconds of work) for a flush to go first.
 */
import { assert, corruption } from '../errors.js';
import { compareBytes } from '../format/bytes.js';
import { tableFileName } from '../format/file-names.js';
import { readBucketId } from '../format/internal-key.js';
import { copyRange } from '../sstable/block-builder.js';
import type { TableFileContext } from '../sstable/table-context.js';
import type { TableMetadata } from '../sstable/table-metadata.js';
import type { ScanRange, TableScanner } from '../sstable/table-scanner.js';
import { DropPolicy, dropVersion } from './drop-policy.js';
import type { CompactionJob, JobCounts, JobSuccess, MergeInput } from './job.js';
import { RunSource } from './run-source.js';
import { RunWriter, type WritingContext } from './run-writer.js';
import { SourceOrder } from './source-order.js';

/** Bytes of input after which the merge lets others go first. */
const sliceBytes = 1024 * 1024;
/** Stored blocks below this share of a full block are not copied, or blocks would get smaller with every merge. */
const copiedBlockShare = 0.5;

/** The key that was taken last: in the block where it was read, or in memory of its own. */
class LastKey {
  private memory = Buffer.allocUnsafeSlow(256);
  private bytes: Uint8Array = this.memory;
  private start = 0;
  private end = -1;

  /** Negative where the scanner stands on a greater key, 0 where it is the same. */
  compare({ keyBytes, keyStart, keyEnd }: TableScanner): number {
    return this.end < 0 ? -1 : compareBytes(this.bytes, this.start, this.end, keyBytes, keyStart, keyEnd);
  }

  /** Every key is greater than none. */
  clear(): void {
    this.end = -1;
  }

  /** Takes a key, which stays where it lies until `keep`. */
  set(bytes: Uint8Array, start: number, end: number): void {
    this.bytes = bytes;
    this.start = start;
    this.end = end;
  }

  /** Copies the key, before some scanner leaves a block. */
  keep(): void {
    const length = this.end - this.start;
    if (this.memory.length < length) this.memory = Buffer.allocUnsafeSlow(length * 2);
    if (this.bytes !== this.memory) copyRange(this.bytes, this.start, this.end, this.memory, 0);
    this.set(this.memory, 0, length);
  }
}

/** Checksums were right, so this was written so: no merge may make it look sound. */
function outOfOrder({ metadata, blockHandle }: TableScanner): Error {
  return corruption(tableFileName(metadata.fileNumber), blockHandle.offset, 'keys or versions of keys are out of order');
}

class Merge {
  entriesRead = 0;
  entriesWritten = 0;
  bytesRead = 0;
  blocksCopied = 0;
  private readonly policy: DropPolicy;
  private readonly lastKey = new LastKey();
  private readonly order = new SourceOrder();
  /** Of the entry that was taken last: where it came from, and its sequence there. */
  private lastSource: RunSource | undefined;
  private lastSequence = 0;
  private bucketId = -1;
  private bucketIsLive = false;
  private readonly range: ScanRange | undefined;

  constructor(
    job: CompactionJob,
    private readonly context: WritingContext,
    private readonly writer: RunWriter,
  ) {
    this.policy = new DropPolicy(job.retention, job.dropTombstones);
    this.range = job.range;
  }

  *run(tables: TableFileContext, input: MergeInput): Generator<number, void, void> {
    this.order.clear();
    this.lastKey.clear();
    input.forEach((run, rank) => {
      const source = RunSource.open(tables, run, rank, this.writer.slot(rank), this.range);
      if (source !== undefined) this.order.add(source);
    });
    let yielded = this.bytesRead;
    for (;;) {
      const { first } = this.order;
      if (first === undefined) return;
      if (!first.scanner.atBlockStart || !this.copyBlock(first)) this.take(first);
      if (this.bytesRead - yielded >= sliceBytes) {
        yielded = this.bytesRead;
        yield this.bytesRead;
      }
    }
  }

  /** Takes one entry of the source that stands first. */
  private take(source: RunSource): void {
    const { scanner } = source;
    const order = this.lastKey.compare(scanner);
    const isNewKey = order < 0;
    if (order > 0) throw outOfOrder(scanner);
    // Within a run the versions of a key descend. The policy would take the first for the newest, and drop the one that is.
    if (!isNewKey && source === this.lastSource && scanner.sequence >= this.lastSequence) throw outOfOrder(scanner);
    this.lastSource = source;
    this.lastSequence = scanner.sequence;
    if (isNewKey) this.beginKey(scanner);
    if (scanner.atBlockStart) this.bytesRead += scanner.blockHandle.storedBytes;
    this.entriesRead++;
    if (this.bucketIsLive) {
      const sequence = this.policy.decide(scanner.sequence, scanner.isTombstone);
      if (sequence !== dropVersion) {
        const { keyBytes, keyStart, keyEnd, isTombstone, valueBytes, valueStart, valueEnd } = scanner;
        const table = this.writer.tableFor(isNewKey);
        if (!table.add(keyBytes, keyStart, keyEnd, sequence, isTombstone, valueBytes, valueStart, valueEnd))
          throw outOfOrder(scanner);
        this.entriesWritten++;
      }
    }
    if (scanner.atBlockEnd) this.lastKey.keep();
    if (source.next()) this.order.moved();
    else this.order.removeFirst();
  }

  private beginKey(scanner: TableScanner): void {
    this.policy.beginKey();
    this.lastKey.set(scanner.keyBytes, scanner.keyStart, scanner.keyEnd);
    const id = readBucketId(scanner.keyBytes, scanner.keyStart, scanner.keyEnd);
    if (id !== this.bucketId) {
      this.bucketId = id;
      this.bucketIsLive = this.policy.isLiveBucket(id);
    }
  }

  /** Copies the block at whose start the first source stands, if that changes nothing. True where it did. */
  private copyBlock(source: RunSource): boolean {
    const { scanner } = source;
    const { blockHandle } = scanner;
    if (scanner.blockHasTombstones || scanner.blockHasSequences || !scanner.blockIsWhole) return false;
    if (blockHandle.rawBytes < this.context.settings.blockBytes * copiedBlockShare) return false;
    const end = scanner.blockLastKeyEnd;
    const start = scanner.blockLastKeyStart;
    const second = this.order.second?.scanner;
    if (
      second !== undefined &&
      compareBytes(scanner.blockLastKeyBytes, start, end, second.keyBytes, second.keyStart, second.keyEnd) >= 0
    )
      return false;
    if (this.lastKey.compare(scanner) >= 0) return false;
    const firstBucket = readBucketId(scanner.keyBytes, scanner.keyStart, scanner.keyEnd);
    if (firstBucket !== readBucketId(scanner.blockLastKeyBytes, start, end) || !this.policy.isLiveBucket(firstBucket))
      return false;
    if (!this.writer.tableFor(true).addStoredBlock(scanner.blockStored, blockHandle, scanner.block)) throw outOfOrder(scanner);
    this.lastKey.set(scanner.blockLastKeyBytes, start, end);
    this.lastSource = source;
    this.lastSequence = 0;
    this.blocksCopied++;
    this.bytesRead += blockHandle.storedBytes;
    this.entriesRead += scanner.block.entryCount;
    this.entriesWritten += scanner.block.entryCount;
    this.lastKey.keep();
    if (source.skipBlock()) this.order.moved();
    else this.order.removeFirst();
    return true;
  }
}

function entriesIn(tables: readonly TableMetadata[]): number {
  return tables.reduce((sum, table) => sum + table.entryCount, 0);
}

/**
 * Runs a compaction; each yield gives the bytes read so far. Throws what reading or writing throws, after removing its
 * output; so it does when the generator is ended early.
 */
export function* runCompaction(
  job: CompactionJob,
  context: WritingContext,
  tables: TableFileContext,
): Generator<number, JobSuccess, void> {
  let minSequence = Number.POSITIVE_INFINITY;
  let maxSequence = 0;
  for (const merge of job.merges) {
    for (const table of merge.flat()) {
      minSequence = Math.min(minSequence, table.minSequence);
      maxSequence = Math.max(maxSequence, table.maxSequence);
    }
  }
  const writer = new RunWriter(context, job.fileNumbers, job.filterBitsPerKey, minSequence, maxSequence);
  const merge = new Merge(job, context, writer);
  let finished = false;
  try {
    const outputs = [];
    for (const input of job.merges) {
      yield* merge.run(tables, input);
      outputs.push(writer.finishRun());
    }
    const { entriesRead, entriesWritten, bytesRead, blocksCopied } = merge;
    // An input that ended early, for whatever reason, must not become data that is gone: the inputs are kept. Of parts of a compaction
    // whoever divided it counts.
    const isWhole = job.range === undefined;
    assert(!isWhole || entriesRead === entriesIn(job.merges.flat(2)), 'a compaction reads every entry of its inputs');
    const written = entriesIn(outputs.flat().map((table) => table.metadata));
    assert(entriesWritten === written, 'a compaction writes every entry that it keeps');
    writer.finish();
    finished = true;
    const counts: JobCounts = { entriesRead, entriesWritten, bytesRead, bytesWritten: writer.bytesWritten, blocksCopied };
    return { id: job.id, ok: true, outputs, counts };
  } finally {
    if (!finished) writer.abandon();
    tables.openTables.closeAll();
  }
}
