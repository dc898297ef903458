/**
 * Flush: the records of a frozen memtable become a run of tables.
 *
 *   frozen records ─▶ ordinals, newest first ─▶ sorted by key ─▶ versions dropped ─▶ tables
 *
 * Invariants:
 * 1. Records of one key stay in the order newest first, from the sort to the table.
 * 2. A memtable whose records are all dropped gives an empty run.
 */
import { assert } from '../errors.js';
import { readBucketId } from '../format/internal-key.js';
import { kindDead, kindTombstone } from '../memtable/record.js';
import { sortRecords } from '../memtable/record-sort.js';
import { compareRecordKeys, type FrozenRecords, RecordReader } from '../memtable/record-table.js';
import { DropPolicy, dropVersion } from './drop-policy.js';
import type { FlushJob, JobSuccess } from './job.js';
import { RunWriter, type WritingContext } from './run-writer.js';

/** Records between two signs of life. */
const recordsPerBeat = 4096;

/** Runs a flush to its end. Throws what writing throws, after removing its output. */
export function runFlush(job: FlushJob, context: WritingContext): JobSuccess {
  const { records } = job;
  const reader = RecordReader.ofFrozen(records);
  const ordinals = liveOrdinals(reader, records);
  // Dead records do not count: those of a section that moved on have their sequences in the next memtable.
  const newest = records.firstSequence + (ordinals[0] ?? 1) - 1;
  const oldest = records.firstSequence + (ordinals[ordinals.length - 1] ?? 1) - 1;
  sortRecords(reader, ordinals, 0);
  const writer = new RunWriter(context, job.fileNumbers, job.filterBitsPerKey, oldest, newest);
  try {
    const entriesWritten = writeRecords(job, reader, ordinals, writer, context.beat);
    const tables = writer.finishRun();
    writer.syncDirectory();
    return {
      id: job.id,
      ok: true,
      outputs: [tables],
      counts: { entriesRead: ordinals.length, entriesWritten, bytesRead: 0, bytesWritten: writer.bytesWritten, blocksCopied: 0 },
    };
  } catch (error) {
    writer.abandon();
    throw error;
  }
}

/** Ordinals of the records that were not rolled back, newest first. */
function liveOrdinals(reader: RecordReader, records: FrozenRecords): Uint32Array {
  const ordinals = new Uint32Array(records.recordCount);
  let count = 0;
  for (let ordinal = records.recordCount; ordinal > 0; ordinal--) {
    reader.locate(ordinal);
    if (reader.kind !== kindDead) ordinals[count++] = ordinal;
  }
  return ordinals.subarray(0, count);
}

function writeRecords(job: FlushJob, reader: RecordReader, ordinals: Uint32Array, writer: RunWriter, beat: () => void): number {
  const policy = new DropPolicy(job.retention, false);
  const previous = reader.another();
  const firstSequence = job.records.firstSequence;
  let bucketId = -1;
  let bucketIsLive = false;
  let written = 0;
  for (let i = 0; i < ordinals.length; i++) {
    const ordinal = ordinals[i] as number;
    if (i % recordsPerBeat === 0) beat();
    reader.locate(ordinal);
    const isNewKey = i === 0 || compareRecordKeys(previous, reader, 0) !== 0;
    if (isNewKey) {
      policy.beginKey();
      const id = readBucketId(reader.bytes, reader.keyStart, reader.keyEnd);
      if (id !== bucketId) {
        bucketId = id;
        bucketIsLive = policy.isLiveBucket(id);
      }
      previous.locate(ordinal);
    }
    if (!bucketIsLive) continue;
    const isTombstone = reader.kind === kindTombstone;
    const sequence = policy.decide(firstSequence + ordinal - 1, isTombstone);
    if (sequence === dropVersion) continue;
    const { bytes, keyStart, keyEnd, valueEnd } = reader;
    const table = writer.tableFor(isNewKey);
    const isInOrder = table.add(bytes, keyStart, keyEnd, sequence, isTombstone, bytes, keyEnd, valueEnd);
    assert(isInOrder, 'records are sorted');
    written++;
  }
  return written;
}
