/**
 * Reads every byte of a table and reports what is wrong with it. Goes on where it can: a bad block does not hide the next.
 *
 * Checked: footer, checksums and structure of all sections and blocks; the order of keys and of versions, in blocks and
 * over their borders; that each block ends with the key that the index says; that the filter lets every key pass; that the
 * properties are what the entries add up to.
 *
 * Invariants:
 * 1. Damage is reported and never thrown; errors of reading itself (VARVE_IO) are thrown.
 * 2. Memory is the index, the filter and one block.
 * 3. Blocks are read wherever the index is sound by itself, whatever is wrong with filter and properties. Only the index says
 *    where blocks begin, so without it none can be read.
 */
import { VarveError } from '../errors.js';
import { compareBytes } from '../format/bytes.js';
import { tableFileName } from '../format/file-names.js';
import { hashKey } from '../format/key-hash.js';
import { sequenceMax } from '../limits.js';
import type { Block } from './block.js';
import type { TableFileContext } from './table-context.js';
import { readBlock, readCheckedFooter, readFilter, readFooter, readIndex, readProperties, readSection } from './table-file.js';
import type { TableFilter } from './table-filter.js';
import type { TableFooter } from './table-footer.js';
import { TableIndex } from './table-index.js';
import type { TableMetadata } from './table-metadata.js';
import { differingProperty, type TableProperties } from './table-properties.js';

const noKey = new Uint8Array(0);

/** Something wrong with a table; offset in bytes in its file, where one is known. */
export interface TableProblem {
  readonly offset?: number;
  readonly message: string;
  /** What was met, where it is no damage: a version or a codec that is not known here. */
  readonly refusal?: VarveError;
}

/** What the verification of one table found. `entries` counts the records in all blocks that are sound. */
export interface TableVerification {
  readonly entries: number;
  readonly problems: readonly TableProblem[];
}

/**
 * Verifies a table against the metadata of the manifest, or, given a file number, by itself. Yields after each section and each
 * block how far in the file it is, so that the caller may let others go first; whoever stops there gives nothing back, since nothing
 * is held but memory.
 */
export function* verifyTableInSteps(
  context: TableFileContext,
  table: TableMetadata | number,
): Generator<number, TableVerification> {
  const verifier = new TableVerifier(context, typeof table === 'number' ? table : table.fileNumber);
  yield* verifier.run(typeof table === 'number' ? undefined : table);
  return { entries: verifier.entries, problems: verifier.problems };
}

/** As verifyTableInSteps, in one go. */
export function verifyTable(context: TableFileContext, table: TableMetadata | number): TableVerification {
  const steps = verifyTableInSteps(context, table);
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}

class TableVerifier {
  readonly problems: TableProblem[] = [];
  entries = 0;
  private readonly messages = new Set<string>();
  private readonly context: TableFileContext;
  private readonly fileNumber: number;
  private tombstones = 0;
  private contentBytes = 0;
  private hasSequences = false;
  private smallestSequence = sequenceMax;
  private largestSequence = 0;
  private firstKey: Uint8Array | undefined;
  /** The key and the sequence that were read last; copies, so that no block is held while the next one is read. */
  private lastKey: Uint8Array | undefined;
  private lastSequence = 0;
  private isComplete = true;

  constructor(context: TableFileContext, fileNumber: number) {
    this.context = context;
    this.fileNumber = fileNumber;
  }

  *run(metadata: TableMetadata | undefined): Generator<number, void> {
    // Against the manifest first; where that fails, by itself, so that one wrong number does not hide the blocks.
    const checked = metadata === undefined ? undefined : this.attempt(() => readCheckedFooter(this.context, metadata));
    const footer = checked ?? this.attempt(() => readFooter(this.context, this.fileNumber));
    if (footer === undefined) return;
    const properties = this.attempt(() => readProperties(this.context, this.fileNumber, footer));
    yield 0;
    const filter = this.attempt(() => readFilter(this.context, this.fileNumber, footer));
    yield 0;
    const index = this.readIndex(footer, properties ?? metadata);
    yield 0;
    if (index === undefined) return;
    for (let number = 0; number < index.blockCount; number++) {
      this.verifyBlock(index, number, filter);
      yield index.handle(number).offset;
    }
    if (this.isComplete && properties !== undefined) this.verifyProperties(footer, properties);
  }

  /** The index as a reader takes it; where it only contradicts what is expected of it, that is reported, and it is taken as it is. */
  private readIndex(footer: TableFooter, expected: TableProperties | undefined): TableIndex | undefined {
    const { context, fileNumber } = this;
    const checked = expected && this.attempt(() => readIndex(context, fileNumber, footer, expected));
    if (checked !== undefined) return checked;
    return this.attempt(() => {
      const bytes = readSection(context, fileNumber, footer.index);
      return TableIndex.decode(bytes, tableFileName(fileNumber), footer.index.offset, footer.filter.offset);
    });
  }

  /** The result, or undefined after damage, which is reported once however often it is met. */
  private attempt<Result>(read: () => Result): Result | undefined {
    try {
      return read();
    } catch (error) {
      if (!(error instanceof VarveError)) throw error;
      const isRefusal = error.code === 'VARVE_UNSUPPORTED_VERSION';
      if (!isRefusal && error.code !== 'VARVE_CORRUPTION') throw error;
      if (!this.messages.has(error.message)) this.report(error.message, error.offset, isRefusal ? error : undefined);
      return undefined;
    }
  }

  private report(message: string, offset: number | undefined, refusal?: VarveError): void {
    this.messages.add(message);
    this.problems.push({ ...(offset === undefined ? {} : { offset }), message, ...(refusal === undefined ? {} : { refusal }) });
  }

  private verifyBlock(index: TableIndex, number: number, filter: TableFilter | undefined): void {
    const { openTables, codec } = this.context;
    const place = index.handle(number);
    const file = tableFileName(this.fileNumber);
    const block = this.attempt(() => readBlock(openTables.handle(this.fileNumber), file, place, codec));
    if (block === undefined) {
      this.isComplete = false;
      return;
    }
    const problem = this.problemOfEntries(block, filter) ?? problemOfBorder(index, number, block);
    if (problem !== undefined) this.report(`${file} at offset ${place.offset}: ${problem}`, place.offset);
    if (this.tombstonesOf(block) !== place.tombstoneCount) {
      this.report(`${file} at offset ${place.offset}: the block has other tombstones than the index says`, place.offset);
    }
    this.firstKey ??= keyOf(block, 0);
    this.lastKey = keyOf(block, block.entryCount - 1);
    this.lastSequence = block.sequence(block.entryCount - 1);
    this.contentBytes += block.keyAreaBytes + block.valueAreaBytes;
    this.hasSequences ||= block.sequences !== undefined;
  }

  private problemOfEntries(block: Block, filter: TableFilter | undefined): string | undefined {
    let problem: string | undefined;
    for (let entry = 0; entry < block.entryCount; entry++) {
      this.entries++;
      const sequence = block.sequence(entry);
      if (sequence > this.largestSequence) this.largestSequence = sequence;
      if (sequence !== 0 && sequence < this.smallestSequence) this.smallestSequence = sequence;
      if (!this.isInOrder(block, entry)) problem ??= `entry ${entry} is out of order`;
      if (filter?.mayContain(hashKey(block.bytes, block.keyStart(entry), block.keyEnd(entry))) === false) {
        problem ??= `the filter does not know entry ${entry}`;
      }
    }
    return problem;
  }

  private isInOrder(block: Block, entry: number): boolean {
    const start = block.keyStart(entry);
    const end = block.keyEnd(entry);
    if (entry === 0) {
      const last = this.lastKey;
      const order = last === undefined ? -1 : compareBytes(last, 0, last.length, block.bytes, start, end);
      return order < 0 || (order === 0 && this.lastSequence > block.sequence(0));
    }
    const order = compareBytes(block.bytes, block.keyStart(entry - 1), start, block.bytes, start, end);
    return order < 0 || (order === 0 && block.sequence(entry - 1) > block.sequence(entry));
  }

  private tombstonesOf(block: Block): number {
    let count = 0;
    for (let entry = 0; entry < block.entryCount; entry++) if (block.isTombstone(entry)) count++;
    this.tombstones += count;
    return count;
  }

  private verifyProperties(footer: TableFooter, properties: TableProperties): void {
    const file = tableFileName(this.fileNumber);
    const counted: TableProperties = {
      smallestKey: this.firstKey ?? noKey,
      largestKey: this.lastKey ?? noKey,
      // Sequences may have been left out: those that are there must lie in the range, which may be wider.
      minSequence: Math.min(properties.minSequence, this.smallestSequence),
      maxSequence: Math.max(properties.maxSequence, this.largestSequence),
      entryCount: this.entries,
      tombstoneCount: this.tombstones,
      rawBytes: this.contentBytes,
      hasSequences: this.hasSequences,
    };
    const difference = differingProperty(counted, properties);
    if (difference === undefined) return;
    const offset = footer.properties.offset;
    this.report(`${file} at offset ${offset}: the property ${difference} is not that of the entries`, offset);
  }
}

function problemOfBorder(index: TableIndex, number: number, block: Block): string | undefined {
  const last = block.entryCount - 1;
  const keys = index.lastKeys;
  return keys.hasKey(number, block.bytes, block.keyStart(last), block.keyEnd(last))
    ? undefined
    : 'the last key is not the one in the index';
}

function keyOf(block: Block, entry: number): Uint8Array {
  return new Uint8Array(block.bytes.subarray(block.keyStart(entry), block.keyEnd(entry)));
}
