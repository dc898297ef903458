/**
 * Version edits as bytes. Numbers are varints, keys are byte strings (format/byte-writer.ts).
 *
 * edit  = | fields u8 | oldest log | last sequence | next file | next bucket | newest log | its bytes |    bits 0 to 5: which of the six follow
 *         | removed count | file number × | run count | run × | zeros to 8 |
 * run   = | level | run id | table count | table × |
 * table = | file number | file bytes | smallest key | largest key | min sequence | max sequence |
 *         | entries | tombstones | raw bytes | flags u8 |                              bit 0 of flags: the table stores sequences
 *
 * **Invariants:**
 * 1. Decoding gives an edit whose numbers are in range, or throws VARVE_CORRUPTION; whether the edit fits a version is for
 *    `VersionBuilder` to say.
 * 2. Counts are bounded by the bytes that follow, before anything is allocated for them.
 */
import { ByteReader } from '../format/byte-reader.js';
import type { ByteWriter } from '../format/byte-writer.js';
import { bucketIdMax, internalKeyBytesMax, levelCount, sequenceMax } from '../limits.js';
import type { TableMetadata } from '../sstable/table-metadata.js';
import type { AddedRun, VersionEdit } from './version-edit.js';

const oldestLogField = 1;
const lastSequenceField = 2;
const nextFileField = 4;
const nextBucketField = 8;
const newestLogField = 16;
const newestLogBytesField = 32;
const allFields = 63;
const hasSequencesFlag = 1;

/** Fewest bytes of a table (ten fields), and of a run (three fields and a table). */
const tableBytesMin = 10;
const runBytesMin = 3 + tableBytesMin;

function writeTable(writer: ByteWriter, table: TableMetadata): void {
  writer.varint(table.fileNumber);
  writer.varint(table.fileBytes);
  writer.byteString(table.smallestKey);
  writer.byteString(table.largestKey);
  writer.varint(table.minSequence);
  writer.varint(table.maxSequence);
  writer.varint(table.entryCount);
  writer.varint(table.tombstoneCount);
  writer.varint(table.rawBytes);
  writer.byte(table.hasSequences ? hasSequencesFlag : 0);
}

function readTable(reader: ByteReader): TableMetadata {
  return {
    fileNumber: reader.varint('a file number'),
    fileBytes: reader.varint('the size of a table'),
    smallestKey: reader.byteString('the smallest key of a table', internalKeyBytesMax),
    largestKey: reader.byteString('the largest key of a table', internalKeyBytesMax),
    minSequence: reader.varint('the smallest sequence of a table', sequenceMax),
    maxSequence: reader.varint('the largest sequence of a table', sequenceMax),
    entryCount: reader.varint('the entry count of a table'),
    tombstoneCount: reader.varint('the tombstone count of a table'),
    rawBytes: reader.varint('the raw size of a table'),
    hasSequences: reader.bits('the flags of a table', hasSequencesFlag) !== 0,
  };
}

/** Appends an edit to `writer`, padded to a multiple of 8 from its beginning; the writer must be at such a multiple. */
export function encodeEdit(writer: ByteWriter, edit: VersionEdit): void {
  const counters = [
    edit.oldestLogNumber,
    edit.lastSequence,
    edit.nextFileNumber,
    edit.nextBucketId,
    edit.newestLogNumber,
    edit.newestLogBytes,
  ];
  let fields = 0;
  for (let i = 0; i < counters.length; i++) if (counters[i] !== undefined) fields |= 1 << i;
  writer.byte(fields);
  for (const counter of counters) if (counter !== undefined) writer.varint(counter);
  writer.varint(edit.removedTables.length);
  for (const fileNumber of edit.removedTables) writer.varint(fileNumber);
  writer.varint(edit.addedRuns.length);
  for (const run of edit.addedRuns) {
    writer.varint(run.level);
    writer.varint(run.runId);
    writer.varint(run.tables.length);
    for (const table of run.tables) writeTable(writer, table);
  }
  writer.padTo8();
}

function readRun(reader: ByteReader): AddedRun {
  const level = reader.varint('the level of a run', levelCount - 1);
  const runId = reader.varint('the id of a run');
  const tables: TableMetadata[] = [];
  for (let count = reader.count('the table count of a run', tableBytesMin); count > 0; count--) tables.push(readTable(reader));
  return { level, runId, tables };
}

/** The edit that `bytes` hold from end to end. `file` and `fileOffset` say where they are from, for messages. */
export function decodeEdit(bytes: Uint8Array, file: string, fileOffset: number): VersionEdit {
  const reader = new ByteReader(bytes, file, fileOffset);
  const fields = reader.bits('the fields of an edit', allFields);
  const counters = {
    ...((fields & oldestLogField) !== 0 && { oldestLogNumber: reader.varint('the oldest log number') }),
    ...((fields & lastSequenceField) !== 0 && { lastSequence: reader.varint('the last sequence', sequenceMax) }),
    ...((fields & nextFileField) !== 0 && { nextFileNumber: reader.varint('the next file number') }),
    ...((fields & nextBucketField) !== 0 && { nextBucketId: reader.varint('the next bucket id', bucketIdMax + 1) }),
    ...((fields & newestLogField) !== 0 && { newestLogNumber: reader.varint('the newest log number') }),
    ...((fields & newestLogBytesField) !== 0 && { newestLogBytes: reader.varint('the durable bytes of the newest log') }),
  };
  const removedTables: number[] = [];
  for (let count = reader.count('the count of removed tables', 1); count > 0; count--) {
    removedTables.push(reader.varint('a file number'));
  }
  const addedRuns: AddedRun[] = [];
  for (let count = reader.count('the count of runs', runBytesMin); count > 0; count--) addedRuns.push(readRun(reader));
  reader.end();
  return { removedTables, addedRuns, ...counters };
}
