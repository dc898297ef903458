/**
 * Samples the tables of a version: what would be left of their blocks after a full compaction.
 *
 *   all tables, laid out one after the other         |    t1    |  t2  |        t3        | … | tn |
 *   points, a round at a time: 16 evenly spread       ·         ·         ·         ·          ·        round 0, from 1/2 of a step
 *   the next round lies between them                      ·         ·         ·         ·               round 1, from 1/4
 *
 * A point falls on a block with a probability that is proportional to its stored size, so a block that it falls on is counted
 * with what is left of it divided by that size (D. Horvitz, D. Thompson: "A Generalization of Sampling Without Replacement From a
 * Finite Universe", 1952). A large value is hit as often as its size asks for, and no block can spoil the sum. Rounds end when
 * enough of the points fell on something that is kept, or when the work is used up; each is spread over all tables.
 *
 * A block that is kept whole is counted as it is stored, without compressing it again: where the option changed, and every
 * such block is rewritten, that may be wrong by what compression saves.
 *
 * Invariants:
 * 1. Small tables are not sampled: every block is looked at once.
 * 2. Blocks far above the usual size are not read. Their last value, whose key stands in the index, made them so large.
 * 3. The first round is always finished; the work after it is bounded.
 */
import type { Codec } from '../format/compression.js';
import { readBucketId } from '../format/internal-key.js';
import { blockBytesDefault } from '../limits.js';
import type { TableIndex } from '../sstable/table-index.js';
import type { TableReader } from '../sstable/table-reader.js';
import { addStoredBytes, noStoredBytes, type StoredBytes, StoredBytesMeter } from './stored-bytes.js';
import type { Survival } from './survival.js';

const pointsPerRound = 16;
const roundsMin = 2;
const roundsMax = 64;
/** So many points on what is kept put the standard error at a fifth of the sum or below. */
const keptPointsEnough = 24;
const exactTablesMax = 128;
const largeBlockBytes = 4 * blockBytesDefault;

/** When to look at everything, and when to stop looking. */
export interface SampleLimits {
  /** Tables whose uncompressed blocks take this together, or less, and a memtable of this size, or less, are looked at whole. */
  readonly exactBytes: number;
  /** A memtable of more records is not looked at whole. */
  readonly exactRecords: number;
  /** Bytes that are compressed for each sample: not below exactBytes, or what comes last would be counted as what came first. */
  readonly compressedBytes: number;
  /** Units of `Survival.work`. */
  readonly work: number;
}

/** A table with its place in the version. */
interface PlacedTable {
  /** The place of its run: 0 is the newest. */
  readonly rank: number;
  readonly reader: TableReader;
}

/** Estimates what a full compaction would leave of the tables. Throws what reading them throws. */
export function sampleTables(survival: Survival, codec: Codec | undefined, limits: SampleLimits): StoredBytes {
  const tables = survival.runs.flatMap((run, rank) => run.readers.map((reader): PlacedTable => ({ rank, reader })));
  if (tables.length === 0) return noStoredBytes;
  const sample = new TableSample(survival, new StoredBytesMeter(codec, limits.compressedBytes));
  let blockBytes = 0;
  for (const { reader } of tables) blockBytes += reader.metadata.rawBytes + 8 * reader.metadata.entryCount;
  if (blockBytes <= limits.exactBytes && tables.length <= exactTablesMax) return sample.takeAll(tables);
  return sample.takeRounds(tables, limits.work);
}

class TableSample {
  private kept = new Uint8Array(1024);

  constructor(
    private readonly survival: Survival,
    private readonly meter: StoredBytesMeter,
  ) {}

  takeAll(tables: readonly PlacedTable[]): StoredBytes {
    for (const table of tables) {
      const index = this.survival.readIndex(table.reader);
      for (let number = 0; number < index.blockCount; number++) this.takeBlock(table, index, number, 1);
    }
    return this.meter.finish();
  }

  takeRounds(tables: readonly PlacedTable[], work: number): StoredBytes {
    const ends = new Float64Array(tables.length);
    let total = 0;
    for (let i = 0; i < tables.length; i++) {
      total += (tables[i] as PlacedTable).reader.metadata.fileBytes;
      ends[i] = total;
    }
    let keptPoints = 0;
    let round = 0;
    for (; round < roundsMax; round++) {
      if (round >= roundsMin && keptPoints >= keptPointsEnough) break;
      if (round > 0 && this.survival.work >= work) break;
      for (let point = 0; point < pointsPerRound; point++) {
        const position = ((point + halvedSteps(round)) / pointsPerRound) * total;
        const place = firstAbove(ends, position);
        const table = tables[place] as PlacedTable;
        const { fileBytes } = table.reader.metadata;
        keptPoints += this.takePoint(table, (position - ((ends[place] as number) - fileBytes)) / fileBytes);
      }
    }
    return addStoredBytes(noStoredBytes, this.meter.finish(), total / (round * pointsPerRound));
  }

  /** Takes the block at a part in [0, 1) of the table; returns which part of its entries is kept. */
  private takePoint(table: PlacedTable, part: number): number {
    const index = this.survival.readIndex(table.reader);
    const number = blockAt(index, part * index.dataBytes);
    const chance = (index.handle(number).storedBytes / index.dataBytes) * table.reader.metadata.fileBytes;
    return this.takeBlock(table, index, number, 1 / chance);
  }

  /** Measures what is kept of a block; returns which part of its entries that is. */
  private takeBlock({ rank, reader }: PlacedTable, index: TableIndex, number: number, weight: number): number {
    const { survival, meter } = this;
    const { storedBytes, rawBytes, entryCount, tombstoneCount } = index.handle(number);
    const { lastKeys } = index;
    const keyStart = lastKeys.keyStart(number);
    const keyEnd = lastKeys.keyEnd(number);
    survival.work += 10;
    if (tombstoneCount === entryCount || this.isInOneDeadBucket(reader, index, number)) return 0;
    if (entryCount === 1 || rawBytes > largeBlockBytes) {
      const isOlderVersion = number > 0 && lastKeys.hasKey(number - 1, lastKeys.bytes, keyStart, keyEnd);
      if (isOlderVersion || !survival.keepsKey(rank, lastKeys.bytes, keyStart, keyEnd)) return 0;
      meter.addBlock(storedBytes, entryCount, keyEnd - keyStart, weight);
      return 1;
    }
    const block = survival.readBlock(reader, number);
    if (this.kept.length < entryCount) this.kept = new Uint8Array(2 * entryCount);
    const { kept } = this;
    const beginsInside =
      number > 0 && block.hasKey(0, lastKeys.bytes, lastKeys.keyStart(number - 1), lastKeys.keyEnd(number - 1));
    const keptCount = survival.keptEntries(rank, block, beginsInside, kept);
    if (keptCount === entryCount) {
      meter.addBlock(storedBytes, entryCount, keyEnd - keyStart, weight);
      return 1;
    }
    const { bytes } = block;
    for (let i = 0; i < entryCount; i++) {
      if (kept[i] === 0) continue;
      meter.addEntry(bytes, block.keyStart(i), block.keyEnd(i), bytes, block.valueStart(i), block.valueEnd(i), weight);
    }
    return keptCount / entryCount;
  }

  /** Whether all keys of a block are of one bucket that is gone. */
  private isInOneDeadBucket(reader: TableReader, index: TableIndex, number: number): boolean {
    const { lastKeys } = index;
    const last = lastKeys.bytes.subarray(lastKeys.keyStart(number), lastKeys.keyEnd(number));
    if (this.survival.isInLiveBucket(last, 0, last.length)) return false;
    const before =
      number === 0
        ? reader.metadata.smallestKey
        : lastKeys.bytes.subarray(lastKeys.keyStart(number - 1), lastKeys.keyEnd(number - 1));
    return readBucketId(before, 0, before.length) === readBucketId(last, 0, last.length);
  }
}

/** The part of a step by which a round is moved: 1/2, 1/4, 3/4, 1/8, 5/8, … (the sequence of van der Corput, from its first). */
function halvedSteps(round: number): number {
  let result = 0;
  let half = 0.5;
  for (let rest = round + 1; rest > 0; rest >>>= 1) {
    if ((rest & 1) !== 0) result += half;
    half /= 2;
  }
  return result;
}

/** The first place with an end above the position; the last place where there is none. */
function firstAbove(ends: Float64Array, position: number): number {
  let low = 0;
  let high = ends.length - 1;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((ends[middle] as number) <= position) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The block that the offset falls in. */
function blockAt(index: TableIndex, offset: number): number {
  let low = 0;
  let high = index.blockCount - 1;
  while (low < high) {
    const middle = (low + high + 1) >>> 1;
    if (index.handle(middle).offset > offset) high = middle - 1;
    else low = middle;
  }
  return low;
}
