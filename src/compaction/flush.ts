/**
 * Flush: the records of a frozen memtable become a run of tables.
 *
 *   frozen records ─▶ ordinals, newest first ─▶ sorted by key ─▶ copied in order, by batches ─▶ versions dropped ─▶ tables
 *
 * Invariants:
 * 1. Records of one key stay in the order newest first, from the sort to the table.
 * 2. A memtable whose records are all dropped gives an empty run.
 */
import { assert } from '../errors.js';
import { readBucketId } from '../format/internal-key.js';
import { liveRecordsByKey } from '../memtable/live-records.js';
import { kindTombstone } from '../memtable/record.js';
import { OrderedRecords } from '../memtable/ordered-records.js';
import { RecordReader } from '../memtable/record-table.js';
import { DropPolicy, dropVersion } from './drop-policy.js';
import type { FlushJob, JobSuccess } from './job.js';
import { RunWriter, type WritingContext } from './run-writer.js';

/** Records between two signs of life. */
const recordsPerBeat = 4096;

/** Runs a flush to its end. Throws what writing throws, after removing its output. */
export function runFlush(job: FlushJob, context: WritingContext): JobSuccess {
  const { records } = job;
  const reader = RecordReader.ofFrozen(records);
  // Dead records do not count: those of a section that moved on have their sequences in the next memtable.
  const { ordinals, oldestSequence, newestSequence } = liveRecordsByKey(reader, records);
  const writer = new RunWriter(context, job.fileNumbers, job.filterBitsPerKey, oldestSequence, newestSequence);
  try {
    const entriesWritten = writeRecords(job, reader, ordinals, writer, context.beat);
    const tables = writer.finishRun();
    writer.finish();
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

function writeRecords(job: FlushJob, reader: RecordReader, ordinals: Uint32Array, writer: RunWriter, beat: () => void): number {
  const policy = new DropPolicy(job.retention, false);
  const records = new OrderedRecords(reader, ordinals, writer);
  const firstSequence = job.records.firstSequence;
  let bucketId = -1;
  let bucketIsLive = false;
  let read = 0;
  let written = 0;
  while (records.next()) {
    const { bytes, keyStart, keyEnd, valueEnd, ordinal, isNewKey } = records;
    if (read++ % recordsPerBeat === 0) beat();
    if (isNewKey) {
      policy.beginKey();
      const id = readBucketId(bytes, keyStart, keyEnd);
      if (id !== bucketId) {
        bucketId = id;
        bucketIsLive = policy.isLiveBucket(id);
      }
    }
    if (!bucketIsLive) continue;
    const isTombstone = records.kind === kindTombstone;
    const sequence = policy.decide(firstSequence + ordinal - 1, isTombstone);
    if (sequence === dropVersion) continue;
    const table = writer.tableFor(isNewKey);
    const isInOrder = table.add(bytes, keyStart, keyEnd, sequence, isTombstone, bytes, keyEnd, valueEnd);
    assert(isInOrder, 'records are sorted');
    written++;
  }
  return written;
}
