/** Manifests: what is written reads back, and what was damaged is told from what was torn. */
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { VarveError } from '../../src/errors.js';
import { ByteWriter } from '../../src/format/byte-writer.js';
import { initializeChecksum } from '../../src/format/checksum.js';
import { checksum32, FrameCodec, frameHeaderBytes } from '../../src/format/frame-header.js';
import { decodeEdit, encodeEdit } from '../../src/version/edit-codec.js';
import { chainedChecksum, chainStart, manifestFrameMagic, manifestHeaderBytes } from '../../src/version/manifest-format.js';
import { readManifest } from '../../src/version/manifest-reader.js';
import { initialState, type ManifestState, stateAsEdit } from '../../src/version/manifest-state.js';
import { ManifestWriter } from '../../src/version/manifest-writer.js';
import type { VersionEdit } from '../../src/version/version-edit.js';
import { ArrayFileSystem } from '../wal/array-file-system.js';
import {
  emptyEdit,
  arbitraryEdit,
  buildManifest,
  databaseId,
  directory,
  flush,
  manifestNumber,
  manifestPath,
  sampleEdits,
  table,
  withManifest,
} from './version-samples.js';

beforeAll(initializeChecksum);

function read(bytes: Uint8Array): ManifestState {
  const fileSystem = withManifest(bytes);
  try {
    return readManifest(fileSystem, directory, manifestNumber);
  } finally {
    expect(fileSystem.openCount).toBe(0);
  }
}

function tryRead(bytes: Uint8Array): ManifestState | string {
  try {
    return read(bytes);
  } catch (error) {
    if (error instanceof VarveError) return error.code;
    throw error;
  }
}

function encoded(edit: VersionEdit): Uint8Array {
  const writer = new ByteWriter();
  encodeEdit(writer, edit);
  return writer.finish().slice();
}

/** A manifest whose checksums all fit, whatever the payloads are. */
function forged(payloads: readonly Uint8Array[]): Uint8Array {
  const codec = new FrameCodec(manifestFrameMagic, databaseId, manifestNumber);
  const pieces: Uint8Array[] = [buildManifest([]).bytes.slice(0, manifestHeaderBytes)];
  let at = manifestHeaderBytes;
  let chain = chainStart;
  payloads.forEach((payload, ordinal) => {
    chain = chainedChecksum(chain, payload);
    const header = new Uint8Array(frameHeaderBytes);
    const fields = {
      flags: 1,
      payloadBytes: payload.length,
      entryCount: 1,
      firstSequence: ordinal,
      syncedBytes: 0,
      payloadChecksum: chain,
    };
    codec.encode(header, 0, fields, at);
    pieces.push(header, payload);
    at += header.length + payload.length;
  });
  return new Uint8Array(Buffer.concat(pieces));
}

describe('the bytes of a manifest', () => {
  it('are those of the golden file', async () => {
    const { bytes } = buildManifest(sampleEdits.slice(0, 3), [1], true);
    const lines = Buffer.from(bytes)
      .toString('hex')
      .replace(/(.{32})/g, '$1\n');
    await expect(lines).toMatchFileSnapshot('../golden/manifest.hex');
  });

  it('read back to the state that the writer knows, with a new manifest of it too', () => {
    const { bytes, records } = buildManifest(sampleEdits);
    const state = read(bytes);
    expect(state).toEqual(records.at(-1)?.state);
    expect(state).toMatchObject({ oldestLogNumber: 23, lastSequence: 309, nextFileNumber: 31, nextBucketId: 300 });
    const fileSystem = new ArrayFileSystem();
    ManifestWriter.create(fileSystem, directory, manifestNumber, state).close();
    expect(readManifest(fileSystem, directory, manifestNumber)).toEqual(state);
  });

  it('are on disk with the name when a manifest has been created', () => {
    const { fileSystem } = buildManifest([]);
    const operations = fileSystem.operations.map((each) => each.replace(/ at .*/, ''));
    expect(operations).toEqual([
      `create ${manifestPath}`,
      `write ${manifestPath}`,
      `write ${manifestPath}`,
      `sync ${manifestPath}`,
      `sync directory ${directory}`,
    ]);
  });

  it('of any edit are decoded to the same edit', () => {
    fc.assert(
      fc.property(arbitraryEdit, (edit) => {
        expect(decodeEdit(encoded(edit), 'x', 0)).toEqual(edit);
      }),
    );
  });
});

describe('a manifest that was cut off', () => {
  it('gives the state of the whole records, and is damaged where not even the first is whole', () => {
    const { bytes, records } = buildManifest(sampleEdits);
    for (let length = 0; length <= bytes.length; length++) {
      const last = records.filter((record) => record.end <= length).at(-1);
      expect(tryRead(bytes.slice(0, length)), `length ${length}`).toEqual(last === undefined ? 'VARVE_CORRUPTION' : last.state);
    }
  });
});

describe('a manifest with one bit flipped', () => {
  it('gives the state before, or is damaged where a later record promises more', () => {
    const { bytes, records } = buildManifest(sampleEdits, [0, 2]);
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const flipped = bytes.slice();
      flipped[bit >> 3] = (flipped[bit >> 3] as number) ^ (1 << (bit & 7));
      const index = records.findIndex((record) => bit >> 3 < record.end);
      const begin = bit >> 3 < manifestHeaderBytes ? 0 : (records[index]?.begin ?? 0);
      const isPromised = index === 0 || records.some((record, i) => i > index && record.syncedBytes > begin);
      const outcome = tryRead(flipped);
      if (isPromised) expect(outcome, `bit ${bit}`).toBe('VARVE_CORRUPTION');
      else expect(outcome, `bit ${bit}`).toEqual(records[index - 1]?.state);
    }
  });

  it('is damaged wherever that is before the frame of a clean close', () => {
    const { bytes } = buildManifest(sampleEdits, [sampleEdits.length - 1], true);
    for (let at = 0; at < bytes.length; at++) {
      const flipped = bytes.slice();
      flipped[at] = (flipped[at] as number) ^ 0x04;
      if (at < bytes.length - frameHeaderBytes) expect(tryRead(flipped), `byte ${at}`).toBe('VARVE_CORRUPTION');
      else expect(tryRead(flipped), `byte ${at}`).toEqual(read(bytes));
    }
  });
});

describe('foreign and hostile records', () => {
  it('are not taken over from another place: exchanged records end the manifest', () => {
    const { bytes, records } = buildManifest([flush(20), flush(21), flush(22)]);
    const [, first, second] = records;
    const swapped = bytes.slice();
    swapped.set(bytes.subarray(second?.begin, second?.end), first?.begin);
    swapped.set(bytes.subarray(first?.begin, first?.end), second?.begin);
    expect(read(swapped)).toEqual({ ...records[0]?.state });
  });

  it('break the chain where the payload of the record before was another', () => {
    const first = encoded(stateAsEdit(initialState(databaseId)));
    const honest = forged([first, encoded(flush(20)), encoded(flush(21))]);
    const other = forged([first, encoded(flush(10)), encoded(flush(21))]);
    expect(read(honest).version.levels[0]?.runs.map((run) => run.id)).toEqual([21, 20]);
    const lastBytes = frameHeaderBytes + encoded(flush(21)).length;
    const spliced = honest.slice();
    spliced.set(other.subarray(other.length - lastBytes), honest.length - lastBytes);
    expect(read(spliced).version.levels[0]?.runs.map((run) => run.id)).toEqual([20]);
  });

  const wrongEdits: readonly (readonly [string, readonly VersionEdit[]])[] = [
    ['a table twice', [flush(20), { ...emptyEdit, addedRuns: [{ level: 1, runId: 9, tables: [table(20, 'a', 'b')] }] }]],
    ['a table removed twice', [flush(20), { ...emptyEdit, removedTables: [20, 20] }]],
    ['a table removed that is not there', [{ ...emptyEdit, removedTables: [4] }]],
    [
      'overlapping tables in a run',
      [{ ...emptyEdit, addedRuns: [{ level: 2, runId: 9, tables: [table(1, 'a', 'c'), table(2, 'c', 'd')] }] }],
    ],
    [
      'tables out of order',
      [{ ...emptyEdit, addedRuns: [{ level: 2, runId: 9, tables: [table(1, 'x', 'y'), table(2, 'c', 'd')] }] }],
    ],
    ['keys reversed', [flush(20, 'z', 'a')]],
    [
      'sequences reversed',
      [{ ...emptyEdit, addedRuns: [{ level: 2, runId: 9, tables: [table(1, 'a', 'b', { maxSequence: 3 })] }] }],
    ],
    ['flushes in the wrong order', [flush(20), flush(19)]],
    [
      'more tombstones than entries',
      [{ ...emptyEdit, addedRuns: [{ level: 2, runId: 9, tables: [table(1, 'a', 'b', { tombstoneCount: 11 })] }] }],
    ],
    ['a run in two levels', [flush(20), { ...emptyEdit, addedRuns: [{ level: 1, runId: 20, tables: [table(21, 'a', 'b')] }] }]],
    [
      'two runs in the last level',
      [8, 9].map((id) => ({ ...emptyEdit, addedRuns: [{ level: 6, runId: id, tables: [table(id, 'a', 'b')] }] })),
    ],
    ['a file without a number', [flush(0)]],
    ['a level out of range', [{ ...emptyEdit, addedRuns: [{ level: 7, runId: 9, tables: [table(1, 'a', 'b')] }] }]],
    ['a run without tables', [{ ...emptyEdit, addedRuns: [{ level: 2, runId: 9, tables: [] }] }]],
    [
      'a file number after which there is none',
      [
        {
          ...emptyEdit,
          addedRuns: [{ level: 1, runId: 1, tables: [table(1, 'a', 'b', { fileNumber: Number.MAX_SAFE_INTEGER })] }],
        },
      ],
    ],
  ];
  for (const [what, edits] of wrongEdits) {
    it(`are damage where the checksums fit and the edit has ${what}; the writer refuses to write them`, () => {
      const first = encoded(stateAsEdit(initialState(databaseId)));
      expect(tryRead(forged([first, ...edits.map(encoded)]))).toBe('VARVE_CORRUPTION');
      expect(() => buildManifest(edits)).toThrow(expect.objectContaining({ code: 'VARVE_ASSERTION' }));
    });
  }

  it('with any payload behind fitting checksums give a state or are damage, and claim no memory for counts', () => {
    const first = encoded(stateAsEdit(initialState(databaseId)));
    const payload = fc.oneof(
      fc.uint8Array({ minLength: 1, maxLength: 64 }),
      fc
        .tuple(arbitraryEdit.map(encoded), fc.nat(), fc.nat(255))
        .map(([bytes, at, value]) => bytes.fill(value, at % bytes.length, (at % bytes.length) + 1)),
    );
    fc.assert(
      fc.property(payload, (bytes) => {
        const padded = new Uint8Array(Math.ceil(bytes.length / 8) * 8);
        padded.set(bytes);
        const outcome = tryRead(forged([first, padded]));
        if (typeof outcome === 'string') expect(outcome).toBe('VARVE_CORRUPTION');
      }),
      { numRuns: 500 },
    );
    const hugeCount = Uint8Array.from([0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f, 0, 0, 0, 0, 0, 0, 0, 0]);
    expect(tryRead(forged([first, hugeCount]))).toBe('VARVE_CORRUPTION');
  });

  it('are refused by number, version and kind of file', () => {
    const { bytes } = buildManifest([]);
    const fileSystem = new ArrayFileSystem();
    fileSystem.files.set('db/MANIFEST-000008', bytes);
    expect(() => readManifest(fileSystem, directory, 8)).toThrow(expect.objectContaining({ code: 'VARVE_CORRUPTION' }));
    const newer = bytes.slice();
    newer[8] = 2;
    const checksum = checksum32(Uint8Array.from([...newer.subarray(0, 12), ...newer.subarray(16, manifestHeaderBytes)]));
    new DataView(newer.buffer).setUint32(12, checksum, true);
    expect(tryRead(newer)).toBe('VARVE_UNSUPPORTED_VERSION');
    expect(tryRead(new Uint8Array(4096))).toBe('VARVE_CORRUPTION');
  });
});

describe('a failed write or sync of a manifest', () => {
  for (const operation of ['write', 'sync']) {
    it(`is final (${operation})`, async () => {
      const fileSystem = new ArrayFileSystem();
      const writer = ManifestWriter.create(fileSystem, directory, manifestNumber, initialState(databaseId));
      const first = new VarveError('VARVE_NO_SPACE', 'full');
      fileSystem.beforeOperation = (each) => {
        if (each.startsWith(operation)) throw first;
      };
      const fail = operation === 'write' ? () => writer.append(flush(20)) : () => writer.sync();
      expect(fail).toThrow(first);
      fileSystem.beforeOperation = undefined;
      expect(() => writer.append(flush(20))).toThrow(expect.objectContaining({ code: 'VARVE_POISONED', cause: first }));
      await expect(writer.syncAsync()).rejects.toMatchObject({ code: 'VARVE_POISONED', cause: first });
      writer.close();
      expect(fileSystem.openCount).toBe(0);
    });
  }
});
