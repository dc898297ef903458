/**
 * Files that grow by frames: logs and manifests. Written from docs/format.md alone.
 */
import { Bytes, check, f64Bytes, joined, u64Bytes, xxh64, xxh64Low } from './bytes.js';

export interface Frame {
  readonly offset: number;
  readonly flags: number;
  readonly entryCount: number;
  readonly firstSequence: number;
  readonly syncedBytes: number;
  readonly payload: Uint8Array;
}

/** What the header of a log or manifest says: magic, version and checksum are checked. */
export function fileHeader(file: Bytes, magic: string, length: number): { databaseId: Uint8Array; number: number } {
  check(file.text(0, 8) === magic, `no ${magic}`);
  check(file.u32(8) === 1, 'an unknown version');
  check(
    file.u32(12) === xxh64Low(joined(file.slice(0, 12), file.slice(16, length))),
    'the file header does not match its checksum',
  );
  return { databaseId: file.slice(16, 32), number: file.f64(32) };
}

/** The whole frames from `start` on; stops where there is none, as at a torn tail. `chained`: the payload checksums of a manifest. */
export function* frames(file: Bytes, start: number, magic: string, chained: boolean): Generator<Frame> {
  const { databaseId, number } = fileHeader(file, magic === 'FLV' ? 'varvelog' : 'varveman', start);
  let chain = 0n;
  for (let at = start; at + 40 <= file.bytes.length;) {
    const bound = joined(file.slice(at + 4, at + 40), databaseId, f64Bytes(number), f64Bytes(at));
    if (file.text(at + 5, at + 8) !== magic || file.u32(at) !== xxh64Low(bound)) return;
    const end = at + 40 + file.u32(at + 8);
    if (end > file.bytes.length) return;
    const payload = file.slice(at + 40, end);
    const flags = file.u8(at + 4);
    const isClosing = (flags & 2) !== 0;
    const checksum = xxh64(chained && !isClosing ? joined(u64Bytes(chain), payload) : payload);
    if (checksum !== file.u64(at + 32)) return;
    if (!isClosing) chain = checksum;
    yield {
      offset: at,
      flags,
      entryCount: file.u32(at + 12),
      firstSequence: file.f64(at + 16),
      syncedBytes: file.f64(at + 24),
      payload,
    };
    at = end;
  }
}

export interface LogRecord {
  readonly sequence: number;
  readonly key: string;
  /** Undefined for a tombstone. */
  readonly value: Uint8Array | undefined;
}

function recordsOf(frame: Frame): LogRecord[] {
  const payload = new Bytes(frame.payload);
  const records: LogRecord[] = [];
  for (let at = 0; at < frame.payload.length;) {
    const keyEnd = at + 8 + payload.u16(at + 4);
    const valueEnd = keyEnd + payload.u32(at);
    const kind = payload.u8(at + 6);
    check(kind === 1 || kind === 2, `a record of kind ${kind}`);
    const value = kind === 1 ? payload.slice(keyEnd, valueEnd) : undefined;
    records.push({ sequence: frame.firstSequence + records.length, key: payload.text(at + 8, keyEnd), value });
    at = Math.ceil(valueEnd / 8) * 8;
  }
  check(records.length === frame.entryCount, `${records.length} records in a frame of ${frame.entryCount}`);
  return records;
}

/** The whole groups of a log: the records of each. */
export function logGroups(file: Bytes): LogRecord[][] {
  const groups: LogRecord[][] = [];
  let group: LogRecord[] = [];
  for (const frame of frames(file, 64, 'FLV', false)) {
    group.push(...recordsOf(frame));
    if ((frame.flags & 1) === 0) continue;
    groups.push(group);
    group = [];
  }
  return groups;
}
