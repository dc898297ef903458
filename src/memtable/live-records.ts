/**
 * The records of a frozen memtable that were not rolled back, in the order in which a flush writes them: by key, and of one key the
 * newest first.
 *
 * One pass finds them and compares each key with the one before in time. It says how many bytes all keys begin with, which the sort need
 * not look at again, and whether every key came after all the others: then the order in time is that of keys, and nothing is sorted.
 */
import { kindDead } from './record.js';
import { sortRecords } from './record-sort.js';
import type { FrozenRecords, RecordReader } from './record-table.js';

/** Live records in order, with the sequences that they span; both 0 where there is none. */
export interface LiveRecords {
  readonly ordinals: Uint32Array;
  readonly oldestSequence: number;
  readonly newestSequence: number;
}

/** The live records of `frozen`, read by `reader`. */
export function liveRecordsByKey(reader: RecordReader, frozen: FrozenRecords): LiveRecords {
  const ordinals = new Uint32Array(frozen.recordCount);
  const newer = reader.another();
  let count = 0;
  let sharedBytes = Number.POSITIVE_INFINITY;
  let isAscending = true;
  for (let ordinal = frozen.recordCount; ordinal > 0; ordinal--) {
    reader.locate(ordinal);
    if (reader.kind === kindDead) continue;
    if (count > 0) {
      const shared = sharedKeyBytes(reader, newer);
      if (shared < sharedBytes) sharedBytes = shared;
      isAscending &&= isBelow(reader, newer, shared);
    }
    newer.locate(ordinal);
    ordinals[count++] = ordinal;
  }
  if (count === 0) return { ordinals: ordinals.subarray(0, 0), oldestSequence: 0, newestSequence: 0 };
  const live = ordinals.subarray(0, count);
  const newestSequence = frozen.firstSequence + (live[0] as number) - 1;
  const oldestSequence = frozen.firstSequence + (live[count - 1] as number) - 1;
  if (isAscending) live.reverse();
  else sortRecords(reader, live, sharedBytes);
  return { ordinals: live, oldestSequence, newestSequence };
}

/** How many bytes the keys of two records begin with alike. */
function sharedKeyBytes(a: RecordReader, b: RecordReader): number {
  const { bytes, keyStart } = a;
  const { bytes: otherBytes, keyStart: otherStart } = b;
  const shorter = Math.min(a.keyEnd - keyStart, b.keyEnd - otherStart);
  let at = 0;
  while (at < shorter && bytes[keyStart + at] === otherBytes[otherStart + at]) at++;
  return at;
}

/** Whether the key of `a` comes before that of `b`, with which it shares its first bytes and not the next. */
function isBelow(a: RecordReader, b: RecordReader, shared: number): boolean {
  const at = a.keyStart + shared;
  const otherAt = b.keyStart + shared;
  if (at === a.keyEnd || otherAt === b.keyEnd) return at === a.keyEnd && otherAt < b.keyEnd;
  return (a.bytes[at] as number) < (b.bytes[otherAt] as number);
}
