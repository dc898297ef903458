/**
 * The bytes of a memtable's records as they go to the log: one run a chunk of the arena, since what lies in one chunk lies in one piece.
 *
 *   chunk 0   | … | r7 | r8 | r9 |   ─▶  three records from sequence 7, one piece
 *   chunk 1   | r10 | r11 | …        ─▶  two records from sequence 10, one piece
 *
 * Invariants:
 * 1. A run has the records of one chunk, all of [from, to) that lie in it, and begins and ends at a border of records.
 * 2. What a run shows is published first (arena.ts): pieces are views on shared memory, which nothing changes while they are written. So
 *    neither these records nor those before them are ever rolled back afterwards.
 */
import type { Arena } from './arena.js';
import type { RecordReader } from './record-table.js';

/** A run of records that a log frame carries. */
export interface RecordPieces {
  readonly firstSequence: number;
  readonly entryCount: number;
  /** One piece a chunk; views on shared memory that stay as they are until `clear`. */
  readonly pieces: readonly Uint8Array[];
}

/** Publishes the records with sequences [from, to) and gives out their bytes. `firstSequence` is that of the memtable; `reader` is moved. */
export function recordPieces(
  arena: Arena,
  reader: RecordReader,
  firstSequence: number,
  from: number,
  to: number,
): RecordPieces[] {
  const { addresses } = reader;
  const result: RecordPieces[] = [];
  let ordinal = from - firstSequence + 1;
  const end = to - firstSequence + 1;
  while (ordinal < end) {
    const chunk = arena.chunkOf(addresses[ordinal] as number);
    const stop = lastOrdinalOfChunk(addresses, chunk.baseUnits + chunk.capacityBytes / 8, ordinal, end);
    const begin = ((addresses[ordinal] as number) - chunk.baseUnits) * 8;
    reader.locate(stop - 1);
    const finish = (reader.valueEnd + 7) & ~7;
    arena.publish(chunk, finish);
    result.push({
      firstSequence: firstSequence + ordinal - 1,
      entryCount: stop - ordinal,
      pieces: [chunk.shared.subarray(begin, finish)],
    });
    ordinal = stop;
  }
  return result;
}

/** The end of the records from `ordinal` on that lie below the address `limit`, at most `end`. */
function lastOrdinalOfChunk(addresses: Uint32Array, limit: number, ordinal: number, end: number): number {
  if ((addresses[end - 1] as number) < limit) return end;
  let low = ordinal;
  let high = end - 1;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((addresses[middle] as number) < limit) low = middle + 1;
    else high = middle;
  }
  return low;
}
