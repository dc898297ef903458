/**
 * Decoders of small structures: what they give encodes to the same again.
 */
import { checksum64 } from '../../src/format/checksum.js';
import { parseClaimName, claimName } from '../../src/env/claim-lock.js';
import { decodeLockOwner, encodeLockOwner, lockOwnerBytesMax } from '../../src/env/lock-owner.js';
import type { ProcessIdentity } from '../../src/env/process-identity.js';
import { ByteWriter } from '../../src/format/byte-writer.js';
import { compareKeys } from '../../src/format/bytes.js';
import { loadCodec } from '../../src/format/compression.js';
import { FrameCodec, type FrameHeader, frameHeaderBytes } from '../../src/format/frame-header.js';
import { isSingleFrame } from '../../src/format/zstd-frame.js';
import { checkRecord } from '../../src/memtable/record.js';
import { Memtable } from '../../src/memtable/memtable.js';
import { decodeEdit, encodeEdit } from '../../src/version/edit-codec.js';
import { currentContent, readCurrent } from '../../src/version/current-file.js';
import type { VersionEdit } from '../../src/version/version-edit.js';
import { decodeLogHeader, encodeLogHeader, logFrameMagic, type LogHeader, logHeaderBytes } from '../../src/wal/log-format.js';
import { internalKey, put } from '../memtable/memtable-fixture.js';
import { sampleEdits } from '../version/version-samples.js';
import { ArrayFileSystem } from '../wal/array-file-system.js';
import type { Chance } from './chance.js';
import { frameFields, sealFrame, sealHeader, viewOf } from './seals.js';
import { must, type Target } from './target.js';

export const databaseId = Uint8Array.from({ length: 16 }, (_, i) => 0xc0 + i);

const same = (a: Uint8Array, b: Uint8Array): boolean => compareKeys(a, b) === 0;

const frameOffset = 4096;
const frameCodec = new FrameCodec(logFrameMagic, databaseId, 12);

/** One frame header, at one place. */
const frameHeaderTarget: Target<FrameHeader | undefined> = {
  name: 'frame-header',
  file: undefined,
  sample(chance) {
    const bytes = new Uint8Array(frameHeaderBytes);
    const flags = chance.pick([0, 1, 3]);
    const entryCount = flags === 3 ? 0 : chance.below(20);
    const header = {
      flags,
      payloadBytes: entryCount * 16,
      entryCount,
      firstSequence: chance.below(1e9),
      syncedBytes: chance.below(4096),
    };
    frameCodec.encode(bytes, 0, { ...header, payloadChecksum: 7n }, frameOffset);
    return bytes;
  },
  fields: () => frameFields(0),
  seal(bytes) {
    if (bytes.length < frameHeaderBytes) return;
    const placed = new Uint8Array(frameOffset + frameHeaderBytes);
    placed.set(bytes.subarray(0, frameHeaderBytes), frameOffset);
    sealFrame(placed, frameOffset, databaseId, 12, viewOf(bytes).getBigUint64(32, true));
    bytes.set(placed.subarray(frameOffset));
  },
  decode: (bytes) => (bytes.length < frameHeaderBytes ? undefined : frameCodec.decode(bytes, 0, frameOffset)),
  check(header, bytes) {
    if (header === undefined) return;
    must(header.syncedBytes <= frameOffset, 'a frame promises what is before it');
    must(header.entryCount * 8 <= header.payloadBytes, 'entries fit into the payload');
    const again = new Uint8Array(frameHeaderBytes);
    frameCodec.encode(again, 0, header, frameOffset);
    must(same(again, bytes.subarray(0, frameHeaderBytes)), 'it encodes to the same');
  },
};

const logHeaderTarget: Target<LogHeader | undefined> = {
  name: 'log-header',
  file: '000012.log',
  sample: (chance) =>
    encodeLogHeader({
      databaseId,
      logNumber: 12,
      previousLogNumber: chance.below(12),
      previousLogBytes: chance.below(1e6),
      firstSequence: chance.below(1e9),
    }),
  fields: () => [
    { at: 8, kind: 'u32' },
    { at: 12, kind: 'u32' },
    ...[32, 40, 48, 56].map((at) => ({ at, kind: 'f64' }) as const),
  ],
  seal: (bytes) => sealHeader(bytes, logHeaderBytes),
  decode: (bytes) => decodeLogHeader(bytes, '000012.log'),
  check(header, bytes) {
    if (header !== undefined) must(same(encodeLogHeader(header), bytes.subarray(0, logHeaderBytes)), 'it encodes to the same');
  },
};

/** Records one behind the other, as a frame holds them; gives how many there were before the end, or before a bad one. */
const recordTarget: Target<number> = {
  name: 'record',
  file: undefined,
  sample(chance) {
    const memtable = new Memtable(1, 4096);
    for (let count = chance.between(1, 5); count > 0; count--) {
      const key = internalKey(chance.pick([0, 1, 247, 248, 65_536, 2 ** 32 - 1]), chance.bytes(chance.below(12)));
      put(memtable, key, chance.oneIn(4) ? undefined : chance.bytes(chance.below(30)));
    }
    const [frame] = memtable.pieces(1, memtable.nextSequence);
    return new Uint8Array(Buffer.concat(frame?.pieces ?? []));
  },
  fields(bytes) {
    return [0, 24, 48]
      .filter((at) => at + 8 <= bytes.length)
      .flatMap((at) => [
        { at, kind: 'u32' } as const,
        { at: at + 4, kind: 'u16' } as const,
        { at: at + 6, kind: 'u8' } as const,
        { at: at + 8, kind: 'u8' } as const,
      ]);
  },
  decode(bytes) {
    const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    let count = 0;
    for (let at = 0; at < bytes.length; count++) {
      const length = checkRecord(buffer, at, bytes.length);
      if (typeof length === 'string') break;
      must(length >= 8 && length % 8 === 0 && at + length <= bytes.length, 'a record is within its frame, and whole');
      at += length;
    }
    return count;
  },
};

const editTarget: Target<VersionEdit> = {
  name: 'edit',
  file: 'MANIFEST-000007',
  sample(chance) {
    const writer = new ByteWriter();
    encodeEdit(writer, {
      ...chance.pick(sampleEdits),
      newestLogNumber: chance.below(1e6),
      newestLogBytes: chance.below(2 ** 40),
    });
    return new Uint8Array(writer.finish());
  },
  fields: (bytes) => Array.from({ length: bytes.length }, (_, at) => ({ at, kind: 'u8' })),
  decode: (bytes) => decodeEdit(bytes, 'MANIFEST-000007', 0),
  check(edit, bytes) {
    const writer = new ByteWriter();
    encodeEdit(writer, edit);
    const again = new Uint8Array(writer.finish());
    const longer = again.length > bytes.length ? again : bytes;
    must(
      Math.abs(again.length - bytes.length) < 8 &&
        longer.subarray(Math.min(again.length, bytes.length)).every((byte) => byte === 0),
      'its length is the same but for padding',
    );
    must(same(again.subarray(0, bytes.length), bytes.subarray(0, again.length)), 'it encodes to the same');
  },
};

const currentTarget: Target<number | undefined> = {
  name: 'current',
  file: 'CURRENT',
  sample: (chance) => currentContent(chance.pick([1, 7, 999_999, 1_000_000, Number.MAX_SAFE_INTEGER])),
  fields: (bytes) => Array.from({ length: bytes.length }, (_, at) => ({ at, kind: 'u8' })),
  seal(bytes) {
    const text = Buffer.from(bytes).toString('latin1');
    const name = text.split(' ', 1)[0] ?? '';
    const checksum = checksum64(Buffer.from(name, 'latin1')).toString(16).padStart(16, '0');
    bytes.set(
      Buffer.from(checksum, 'latin1').subarray(0, Math.max(0, bytes.length - name.length - 1)),
      Math.min(bytes.length, name.length + 1),
    );
  },
  decode(bytes) {
    const files = new ArrayFileSystem();
    files.files.set('db/CURRENT', bytes);
    return readCurrent(files, 'db');
  },
  check: (number, bytes) => must(number !== undefined && same(currentContent(number), bytes), 'it encodes to the same'),
};

const owner = (chance: Chance): ProcessIdentity => ({
  pid: chance.between(1, 2 ** 31 - 1),
  startTicks: chance.below(1e9),
  bootId: '1c3bc2b1-5f0e-4e0a-9d2b-8a6f5e4d3c2b',
  pidNamespace: String(chance.below(2 ** 32)),
});

const lockOwnerTarget: Target<ProcessIdentity | undefined> = {
  name: 'lock-owner',
  file: undefined,
  sample: (chance) => new Uint8Array(encodeLockOwner(owner(chance), new Date(0))),
  fields: (bytes) => Array.from({ length: bytes.length }, (_, at) => ({ at, kind: 'u8' })),
  decode: (bytes) => decodeLockOwner(bytes.subarray(0, lockOwnerBytesMax)),
  check(found) {
    if (found === undefined) return;
    must(Number.isSafeInteger(found.pid) && found.pid > 0 && found.pid < 2 ** 31, 'a pid is one');
    must(
      JSON.stringify(decodeLockOwner(encodeLockOwner(found, new Date(0)))) === JSON.stringify(found),
      'it encodes to the same',
    );
  },
};

const claimTarget: Target<ProcessIdentity | undefined> = {
  name: 'claim-name',
  file: undefined,
  sample: (chance) => new Uint8Array(Buffer.from(claimName(owner(chance)), 'latin1')),
  fields: (bytes) => Array.from({ length: bytes.length }, (_, at) => ({ at, kind: 'u8' })),
  decode: (bytes) => parseClaimName(Buffer.from(bytes).toString('latin1')),
  check(found, bytes) {
    if (found !== undefined) must(claimName(found) === Buffer.from(bytes).toString('latin1'), 'it encodes to the same');
  },
};

const frameRawBytes = 300;

/** A compressed block; whatever it claims, it is decompressed to that size or refused. */
const zstdTarget: Target<boolean> = {
  name: 'zstd-frame',
  file: undefined,
  sample(chance) {
    const source = Buffer.alloc(frameRawBytes, chance.bytes(chance.between(1, 60)));
    const target = Buffer.alloc(1024);
    const length = loadCodec()?.compress(source, target, 'entropy') ?? 0;
    return new Uint8Array(target.subarray(0, length));
  },
  fields: (bytes) => [
    ...Array.from({ length: Math.min(14, bytes.length) }, (_, at) => ({ at, kind: 'u8' }) as const),
    { at: 5, kind: 'u32' },
    { at: 9, kind: 'u16' },
  ],
  decode(bytes) {
    const shape = isSingleFrame(bytes, frameRawBytes);
    const target = new Uint8Array(frameRawBytes);
    const done = loadCodec()?.decompress(bytes, target) ?? false;
    must(shape || !done, 'nothing is decompressed that is no single frame');
    return done;
  },
};

/** All of them. */
export const smallTargets: readonly Target[] = [
  frameHeaderTarget,
  logHeaderTarget,
  recordTarget,
  editTarget,
  currentTarget,
  lockOwnerTarget,
  claimTarget,
  zstdTarget,
] as readonly Target[];
