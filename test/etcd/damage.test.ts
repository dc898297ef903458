/**
 * Damage wherever it falls: flipped bits and files that were cut off.
 *
 * bbolt has no checksums on pages. So of a file without a SHA-256 this is what can be asked: where a bit that changes is neither of a key nor of
 * a value, nor of the length of a page's last value, what is read is what was written, or the file is refused.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { VarveError } from '../../src/errors.js';
import { byTier, report, seedOf } from '../support/tier.js';
import { seededRandom } from '../support/memory-file-system.js';
import { type BoltBucket, type BoltEntry, boltFile } from './bolt-writer.js';
import { contentOf, readAll, refusalOf } from './support.js';

const pageSize = 1024;
const numbered = (count: number, valueBytes: number): BoltEntry[] =>
  Array.from({ length: count }, (_, i) => [Buffer.from(`key${String(i).padStart(4, '0')}`), Buffer.alloc(valueBytes, i + 1)]);
const buckets: BoltBucket[] = [
  [Buffer.from('a'), []],
  [Buffer.from('inline'), numbered(4, 5)],
  [Buffer.from('key'), numbered(60, 90)],
  [Buffer.from('large'), numbered(3, 1500)],
];
const shape = { pageSize, entriesPerLeaf: 6, childrenPerBranch: 4, freePages: 1 };
const plain = boltFile(buckets, shape);
const signed = boltFile(buckets, { ...shape, digest: true });
const content = contentOf(buckets);
const allowedCodes = ['VARVE_CORRUPTION', 'VARVE_INVALID_ARGUMENT', 'VARVE_UNSUPPORTED_VERSION', 'VARVE_LIMIT'];

/** Offsets of which a change may go unseen: bytes of keys and values, and the header of the last element of each page. */
function unseenPlaces(file: Buffer): Set<number> {
  const places = new Set<number>();
  const note = (from: number, end: number): void => {
    for (let at = from; at < end; at++) places.add(at);
  };
  const visit = (page: number): void => {
    const isLeaf = file.readUInt16LE(page + 8) === 2;
    const count = file.readUInt16LE(page + 10);
    for (let index = 0; index < count; index++) {
      const at = page + 16 + index * 16;
      const [position, keyBytes] = isLeaf
        ? [file.readUInt32LE(at + 4), file.readUInt32LE(at + 8)]
        : [file.readUInt32LE(at), file.readUInt32LE(at + 4)];
      const valueBytes = isLeaf ? file.readUInt32LE(at + 12) : 0;
      const value = at + position + keyBytes;
      note(at + position, value);
      if (index === count - 1) note(at + 4, at + 16);
      if (isLeaf && (file.readUInt32LE(at) & 1) === 1) {
        const root = Number(file.readBigUInt64LE(value));
        visit(root === 0 ? value + 16 : root * pageSize);
      } else if (isLeaf) note(value, value + valueBytes);
      else visit(Number(file.readBigUInt64LE(at + 8)) * pageSize);
    }
  };
  visit(Number(file.readBigUInt64LE(32)) * pageSize);
  return places;
}

function flipped(file: Buffer, bit: number): Buffer {
  const copy = Buffer.from(file);
  const at = bit >>> 3;
  copy[at] = (copy[at] as number) ^ (1 << (bit & 7));
  return copy;
}

/** Each bit in the deep tier; in the quick one as many as chance picks. */
function* someBits(file: Buffer, name: string, quick: number): Generator<number> {
  const bits = file.length * 8;
  const random = seededRandom(seedOf(name));
  if (byTier(false, true)) for (let bit = 0; bit < bits; bit++) yield bit;
  else for (let i = 0; i < quick; i++) yield Math.floor(random() * bits);
}

test('the samples are whole', async () => {
  expect((await readAll(plain)).content).toEqual(content);
  expect((await readAll(signed, { checksum: 'require' })).content).toEqual(content);
  expect(unseenPlaces(plain).size).toBeGreaterThan(8000);
});

describe('a flipped bit', () => {
  test('of a file with a SHA-256 is always seen, in the pages and in the SHA-256', async () => {
    let cases = 0;
    for (const bit of someBits(signed, 'flips with a SHA-256', 150)) {
      const error = await refusalOf(flipped(signed, bit));
      expect(allowedCodes, `bit ${bit}: ${error.message}`).toContain(error.code);
      cases++;
    }
    report('flips with a SHA-256', `${cases} bits, all refused`);
  }, 900_000);

  test('of a file without one: what is read is right, or the file is refused', async () => {
    const unseen = unseenPlaces(plain);
    const counts = { right: 0, refused: 0, unseen: 0 };
    for (const bit of someBits(plain, 'flips without a SHA-256', 400)) {
      let read: Awaited<ReturnType<typeof readAll>>;
      try {
        read = await readAll(flipped(plain, bit));
      } catch (error) {
        if (!(error instanceof VarveError)) throw error;
        expect(allowedCodes, `bit ${bit}: ${error.message}`).toContain(error.code);
        counts.refused++;
        continue;
      }
      if (unseen.has(bit >>> 3)) counts.unseen++;
      else {
        counts.right++;
        expect(JSON.stringify(read.content), `bit ${bit}`).toBe(JSON.stringify(content));
      }
    }
    expect(counts.right).toBeGreaterThan(0);
    expect(counts.refused).toBeGreaterThan(0);
    report('flips without a SHA-256', JSON.stringify(counts));
  }, 900_000);

  test('and other bytes than they should be, in many places at once: the reading ends, with an error of ours or without', async () => {
    const edits = fc.array(fc.tuple(fc.integer({ min: 0, max: plain.length - 1 }), fc.integer({ min: 0, max: 255 })), {
      maxLength: 30,
    });
    await fc.assert(
      fc.asyncProperty(edits, async (changes) => {
        const file = Buffer.from(plain);
        for (const [at, byte] of changes) file[at] = byte;
        try {
          await readAll(file);
        } catch (error) {
          if (!(error instanceof VarveError) || !allowedCodes.includes(error.code)) throw error;
        }
      }),
      { seed: seedOf('bytes at random'), numRuns: byTier(80, 20_000) },
    );
  }, 900_000);
});

describe('a file that was cut off', () => {
  test('at any page, or in the middle of one, is refused; with its SHA-256 gone it is whole, and says so', async () => {
    for (let bytes = 0; bytes < plain.length; bytes += pageSize / 2) {
      const error = await refusalOf(plain.subarray(0, bytes));
      expect(error.code, `${bytes} bytes`).toBe(bytes < 512 ? 'VARVE_INVALID_ARGUMENT' : 'VARVE_CORRUPTION');
      if (bytes >= 512) expect(error).toMatchObject({ offset: bytes });
    }
    const { status } = await readAll(signed.subarray(0, plain.length));
    expect(status.checksum).toBe('absent');
    expect((await refusalOf(signed.subarray(0, plain.length), { checksum: 'require' })).code).toBe('VARVE_CORRUPTION');
  });

  test('at any byte of its end is refused', async () => {
    for (let bytes = signed.length - 1; bytes > signed.length - 600; bytes -= byTier(7, 1)) {
      if (bytes === plain.length) continue;
      expect((await refusalOf(signed.subarray(0, bytes))).code, `${bytes} bytes`).toBe('VARVE_CORRUPTION');
    }
  });
});
