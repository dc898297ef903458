/**
 * Decoders of files that grow: logs and manifests.
 */
import { checksum64 } from '../../src/format/checksum.js';
import { Memtable } from '../../src/memtable/memtable.js';
import { readManifest } from '../../src/version/manifest-reader.js';
import type { ManifestState } from '../../src/version/manifest-state.js';
import { checkVersion } from '../../src/version/version.js';
import { LogReader } from '../../src/wal/log-reader.js';
import { LogWriter } from '../../src/wal/log-writer.js';
import { internalKey, put } from '../memtable/memtable-fixture.js';
import { buildManifest, databaseId as manifestId, sampleEdits, withManifest } from '../version/version-samples.js';
import { ArrayFileSystem } from '../wal/array-file-system.js';
import type { Chance } from './chance.js';
import { frameFields, framesIn, sealFrame, sealHeader } from './seals.js';
import { databaseId } from './small-decoders.js';
import { must, type Target } from './target.js';

const logName = '000012.log';

/** What a log gives: its whole groups, as text, and how far it was good. */
interface WholeLog {
  readonly groups: readonly string[];
  readonly validBytes: number;
  readonly known: number;
}

/** What somebody knows of the log, a function of its bytes: nothing, or a length that must be good. */
function knownOf(bytes: Uint8Array): { requiredBytes?: number; durableBytes?: number } {
  const kind = Number(checksum64(bytes) % 6n);
  if (kind === 0) return { requiredBytes: bytes.length };
  if (kind === 1) return { requiredBytes: (bytes.length >> 4) * 8 };
  return kind === 2 ? { durableBytes: (bytes.length >> 4) * 8 } : {};
}

function readLog(bytes: Uint8Array, known: { requiredBytes?: number; durableBytes?: number }): WholeLog {
  const files = new ArrayFileSystem();
  files.files.set(`db/${logName}`, bytes);
  const reader = LogReader.open(files, 'db', 12, databaseId, known);
  try {
    const groups: string[] = [];
    let group = '';
    for (;;) {
      const frame = reader.next((length) => new Uint8Array(length));
      if (frame === undefined) break;
      must(frame.entryCount * 8 <= frame.payload.length, 'entries fit into the payload');
      group += `${frame.firstSequence}+${frame.entryCount}:${Buffer.from(frame.payload).toString('hex')} `;
      if (!frame.endsGroup) continue;
      groups.push(group);
      group = '';
    }
    must(reader.validBytes + reader.tornBytes === bytes.length, 'what is not good is torn');
    return { groups, validBytes: reader.validBytes, known: Math.max(known.requiredBytes ?? 0, known.durableBytes ?? 0) };
  } finally {
    reader.close();
  }
}

function sampleLog(chance: Chance): Uint8Array {
  const files = new ArrayFileSystem();
  const header = { databaseId, logNumber: 12, previousLogNumber: 9, previousLogBytes: 4096, firstSequence: 1 };
  const writer = LogWriter.create(files, 'db', header);
  const memtable = new Memtable(1, 4096);
  for (let groups = chance.between(1, 4); groups > 0; groups--) {
    const frames = [];
    for (let count = chance.between(1, 3); count > 0; count--) {
      const from = memtable.nextSequence;
      for (let records = chance.between(1, 3); records > 0; records--)
        put(memtable, internalKey(1, chance.bytes(3)), chance.bytes(chance.below(20)));
      frames.push(...memtable.pieces(from, memtable.nextSequence));
    }
    writer.appendGroup(frames);
    if (chance.oneIn(2)) writer.sync();
  }
  if (chance.oneIn(4)) writer.appendClose();
  writer.close();
  return files.content(`db/${logName}`);
}

const logTarget: Target<WholeLog> = {
  name: 'log',
  file: logName,
  sample(chance) {
    // One of which nobody knows anything, so that it is right as it is.
    for (;;) {
      const bytes = sampleLog(chance);
      if (Object.keys(knownOf(bytes)).length === 0) return bytes;
    }
  },
  fields: (bytes) => [
    { at: 8, kind: 'u32' },
    ...[32, 40, 48, 56].map((at) => ({ at, kind: 'f64' }) as const),
    ...framesIn(bytes, 64).flatMap(({ at }) => frameFields(at)),
  ],
  seal(bytes) {
    sealHeader(bytes, 64);
    for (const { at, payloadAt, end } of framesIn(bytes, 64))
      sealFrame(bytes, at, databaseId, 12, checksum64(bytes.subarray(payloadAt, end)));
  },
  decode: (bytes) => readLog(bytes, knownOf(bytes)),
  check({ groups, validBytes, known }, _bytes, original) {
    must(validBytes >= known, 'what somebody knows to be durable is good');
    if (original === undefined) return;
    const right = readLog(original, {}).groups;
    must(
      groups.every((group, i) => group === right[i]),
      'its groups are a prefix of those that were written',
    );
  },
};

const manifestName = 'MANIFEST-000007';

const textOf = (state: ManifestState): string =>
  JSON.stringify(state, (_name, value: unknown) => (value instanceof Uint8Array ? Buffer.from(value).toString('hex') : value));

const manifestTarget: Target<ManifestState> = {
  name: 'manifest',
  file: manifestName,
  sample(chance) {
    const edits = sampleEdits.slice(0, chance.between(0, sampleEdits.length));
    const synced = edits.map((_, i) => i).filter(() => chance.oneIn(2));
    return buildManifest(edits, synced, chance.oneIn(4)).bytes;
  },
  fields: (bytes) => [
    { at: 8, kind: 'u32' },
    { at: 32, kind: 'f64' },
    ...framesIn(bytes, 40).flatMap(({ at, payloadAt, end }) => [
      ...frameFields(at),
      ...Array.from({ length: end - payloadAt }, (_, i) => ({ at: payloadAt + i, kind: 'u8' }) as const),
    ]),
  ],
  seal(bytes) {
    sealHeader(bytes, 40);
    const chain = new Uint8Array(8);
    for (const { at, payloadAt, end } of framesIn(bytes, 40)) {
      const isClosing = ((bytes[at + 4] as number) & 2) !== 0;
      const payload = bytes.subarray(payloadAt, end);
      const checksum = checksum64(isClosing ? payload : Buffer.concat([chain, payload]));
      sealFrame(bytes, at, manifestId, 7, checksum);
      if (!isClosing) new DataView(chain.buffer).setBigUint64(0, checksum, true);
    }
  },
  decode: (bytes) => readManifest(withManifest(bytes), 'db', 7),
  check(state, _bytes, original) {
    must(checkVersion(state.version) === undefined, 'its version is sound');
    if (original === undefined) return;
    const ends = framesIn(original, 40).map(({ end }) => end);
    const states = ends.map((end) => textOf(readManifest(withManifest(original.subarray(0, end)), 'db', 7)));
    must(states.includes(textOf(state)), 'its state is one that was written');
  },
};

/** Both of them. */
export const journalTargets: readonly Target[] = [logTarget, manifestTarget] as readonly Target[];
