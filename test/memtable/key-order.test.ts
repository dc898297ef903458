import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compareKeys } from '../../src/format/bytes.js';
import { hashKey } from '../../src/format/key-hash.js';
import { Memtable } from '../../src/memtable/memtable.js';

const bucketId = 5;
const everything = Number.MAX_SAFE_INTEGER;

/** Keys of which many share a beginning, of lengths around the six bytes of a head; some are the beginning of others. */
const keyArbitrary = fc
  .tuple(fc.constantFrom('', 'c', 'cccccc', 'ccccccccc'), fc.string({ unit: fc.constantFrom('a', 'b', 'ÿ'), maxLength: 14 }))
  .map(([shared, rest]) => Buffer.concat([Buffer.from([bucketId]), Buffer.from(shared + rest, 'latin1')]));
const targetArbitrary = fc.oneof(
  keyArbitrary,
  fc.constantFrom(...[0, bucketId - 1, bucketId, bucketId + 1].map((byte) => Buffer.from([byte]))),
);
const stepArbitrary = fc.record({
  keys: fc.array(keyArbitrary, { maxLength: 80 }),
  target: targetArbitrary,
  forward: fc.boolean(),
});

function put(memtable: Memtable, key: Buffer): void {
  memtable.append(key, key.length, hashKey(key, 0, key.length), 'v', 1);
}

/** The keys that a cursor shows from a place on, in its direction. */
function walk(memtable: Memtable, target: Buffer, forward: boolean): string[] {
  const cursor = memtable.cursor(bucketId, everything);
  const shown: string[] = [];
  if (cursor === undefined) return shown;
  if (forward) cursor.seek(target, 0, target.length);
  else cursor.seekBefore(target, 0, target.length);
  while (cursor.valid) {
    shown.push(Buffer.from(cursor.keyBytes.subarray(cursor.keyStart, cursor.keyEnd)).toString('latin1'));
    if (forward) cursor.next();
    else cursor.previous();
  }
  return shown;
}

describe('the order of the keys of a memtable', () => {
  it('is that of their bytes, from any place and in both directions, while keys come that share less and less', () => {
    fc.assert(
      fc.property(fc.array(stepArbitrary, { maxLength: 8 }), (steps) => {
        const memtable = new Memtable(1, 1 << 16);
        const known = new Map<string, Buffer>();
        for (const { keys, target, forward } of steps) {
          for (const key of keys) {
            put(memtable, key);
            known.set(key.toString('latin1'), key);
          }
          const sorted = [...known.values()].sort(compareKeys);
          const expected = forward
            ? sorted.filter((key) => compareKeys(key, target) >= 0)
            : sorted.filter((key) => compareKeys(key, target) < 0).reverse();
          expect(walk(memtable, target, forward)).toEqual(expected.map((key) => key.toString('latin1')));
        }
      }),
    );
  });

  it('goes on with keys of the next life after the memory was cleared', () => {
    const memtable = new Memtable(1, 1 << 16);
    for (const key of ['\x05shared/b', '\x05shared/a']) put(memtable, Buffer.from(key, 'latin1'));
    expect(walk(memtable, Buffer.from([bucketId]), true)).toEqual(['\x05shared/a', '\x05shared/b']);
    memtable.clear(3);
    for (const key of ['\x05z', '\x05b', '\x05shared/c']) put(memtable, Buffer.from(key, 'latin1'));
    expect(walk(memtable, Buffer.from([bucketId]), true)).toEqual(['\x05b', '\x05shared/c', '\x05z']);
  });
});
