/** Small logs to be damaged: built by the writer, read back by the reader into plain values. */
import { expect } from 'vitest';
import type { LogFrame } from '../../src/wal/log-format.js';
import { LogReader } from '../../src/wal/log-reader.js';
import { LogWriter } from '../../src/wal/log-writer.js';
import { ArrayFileSystem } from './array-file-system.js';

export const directory = 'db';
export const databaseId = Uint8Array.from({ length: 16 }, (_, i) => 0xa0 + i);
export const logNumber = 12;
export const logPath = 'db/000012.log';

export function header(overrides: Partial<Parameters<typeof LogWriter.create>[2]> = {}) {
  return { databaseId, logNumber, previousLogNumber: 9, previousLogBytes: 4096, firstSequence: 100, ...overrides };
}

/** A frame of `entryCount` entries of 8 bytes, all `fill`, in pieces of uneven length. */
export function frame(firstSequence: number, entryCount: number, fill: number): LogFrame {
  const payload = new Uint8Array(entryCount * 8).fill(fill);
  return { firstSequence, entryCount, pieces: [payload.subarray(0, 3), payload.subarray(3)] };
}

/** Where a group stands in the file, and how it reads back. */
export interface WrittenGroup {
  readonly begin: number;
  readonly end: number;
  /** What its frames promise. */
  readonly syncedBytes: number;
  readonly text: string;
}

export interface SampleLog {
  readonly fileSystem: ArrayFileSystem;
  readonly bytes: Uint8Array;
  readonly groups: readonly WrittenGroup[];
}

/** What a log is made of: groups of frames given as entry counts, with or without a sync after each, and perhaps a clean close. */
export interface SamplePlan {
  readonly groups: readonly { readonly entryCounts: readonly number[]; readonly sync: boolean }[];
  readonly close: boolean;
}

export function groupText(frames: readonly { firstSequence: number; entryCount: number; bytes: Uint8Array }[]): string {
  return frames.map((each) => `${each.firstSequence}+${each.entryCount}:${Buffer.from(each.bytes).toString('hex')}`).join(' ');
}

export function buildLog(plan: SamplePlan): SampleLog {
  const fileSystem = new ArrayFileSystem();
  const writer = LogWriter.create(fileSystem, directory, header());
  const groups: WrittenGroup[] = [];
  let sequence = 100;
  for (const group of plan.groups) {
    const frames: LogFrame[] = [];
    for (const entryCount of group.entryCounts) {
      frames.push(frame(sequence, entryCount, sequence & 0xff));
      sequence += entryCount;
    }
    const begin = writer.writtenBytes;
    const syncedBytes = writer.syncedBytes;
    writer.appendGroup(frames);
    const text = groupText(frames.map((each) => ({ ...each, bytes: Buffer.concat(each.pieces) })));
    groups.push({ begin, end: writer.writtenBytes, syncedBytes, text });
    if (group.sync) writer.sync();
  }
  if (plan.close) writer.appendClose();
  writer.close();
  return { fileSystem, bytes: fileSystem.content(logPath), groups };
}

export interface LogOutcome {
  /** Whole groups, as groupText. */
  readonly groups: readonly string[];
  readonly validBytes: number;
  readonly tornBytes: number;
}

/** Reads a log from bytes; throws what the reader throws. Checks that the reader leaves no descriptor. */
export function readLog(
  bytes: Uint8Array,
  options: { requiredBytes?: number; number?: number; id?: Uint8Array } = {},
): LogOutcome {
  const fileSystem = new ArrayFileSystem();
  const number = options.number ?? logNumber;
  fileSystem.files.set(`db/${String(number).padStart(6, '0')}.log`, bytes);
  let reader: LogReader | undefined;
  try {
    reader = LogReader.open(fileSystem, directory, number, options.id ?? databaseId, { requiredBytes: options.requiredBytes });
    const groups: string[] = [];
    let pending: { firstSequence: number; entryCount: number; bytes: Uint8Array }[] = [];
    for (;;) {
      const read = reader.next((length) => {
        if (length > bytes.length) throw new Error(`asked for ${length} bytes, the file has ${bytes.length}`);
        return new Uint8Array(length);
      });
      if (read === undefined) break;
      pending.push({ ...read, bytes: read.payload });
      if (!read.endsGroup) continue;
      groups.push(groupText(pending));
      pending = [];
    }
    return { groups, validBytes: reader.validBytes, tornBytes: reader.tornBytes };
  } finally {
    reader?.close();
    expect(fileSystem.openCount, 'descriptors left open').toBe(0);
  }
}

/** The outcome, or the code of the error. */
export function tryReadLog(bytes: Uint8Array, options: Parameters<typeof readLog>[1] = {}): LogOutcome | string {
  try {
    return readLog(bytes, options);
  } catch (error) {
    if (error instanceof Error && 'code' in error && typeof error.code === 'string') return error.code;
    throw error;
  }
}
