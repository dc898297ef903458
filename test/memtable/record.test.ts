import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { internalKeyBytesMax, valueBytesMax } from '../../src/limits.js';
import { Memtable } from '../../src/memtable/memtable.js';
import { checkRecord, recordBytes } from '../../src/memtable/record.js';
import { internalKey, put } from './memtable-fixture.js';

const golden = fileURLToPath(new URL('../golden/record.hex', import.meta.url));

/** Four records: a value, an empty value, a tombstone, and a value in a bucket whose id takes five bytes. */
function goldenRecords(): Buffer {
  const memtable = new Memtable(1, 1 << 14);
  put(memtable, internalKey(1, 'apple'), 'red');
  put(memtable, internalKey(1, 'pear'), '');
  put(memtable, internalKey(1, 'apple'), undefined);
  put(memtable, internalKey(0x0102_0304, 'z'), Buffer.from([0xff, 0, 0xff]));
  return bytesOf(memtable);
}

function bytesOf(memtable: Memtable): Buffer {
  return Buffer.concat(memtable.pieces(memtable.firstSequence, memtable.nextSequence).flatMap(({ pieces }) => pieces));
}

function oneRecord(key: Buffer, value: Uint8Array | string | undefined): Buffer {
  const memtable = new Memtable(1, 1 << 14);
  put(memtable, key, value);
  return Buffer.from(bytesOf(memtable));
}

/** A good record of 24 bytes, with some of its bytes replaced. */
function changed(change: (record: Buffer) => void): Buffer {
  const record = oneRecord(internalKey(1, 'apple'), 'red');
  change(record);
  return record;
}

describe('the layout of a record', () => {
  it('is byte for byte that of the golden file, eight bytes a line', () => {
    const dump = (
      goldenRecords()
        .toString('hex')
        .match(/.{1,16}/g) ?? []
    )
      .map((line) => `${line}\n`)
      .join('');
    if (process.env.UPDATE_GOLDEN === '1') writeFileSync(golden, dump);
    expect(dump).toBe(readFileSync(golden, 'utf8'));
  });

  it('has zeros up to a multiple of 8, also in memory that held other records before', () => {
    const memtable = new Memtable(1, 1 << 14);
    put(memtable, internalKey(1, 'k'.repeat(50)), '\xff'.repeat(200));
    memtable.clear(2);
    put(memtable, internalKey(1, 'k'), 'v');
    expect(bytesOf(memtable).toString('hex')).toBe('0100000002000100' + '016b760000000000');
  });

  it('takes whole multiples of 8 bytes, and as few as hold header, key and value', () => {
    for (let keyLength = 1; keyLength < 20; keyLength++) {
      for (let valueLength = 0; valueLength < 20; valueLength++) {
        const bytes = recordBytes(keyLength, valueLength);
        expect(bytes % 8).toBe(0);
        expect(bytes - (8 + keyLength + valueLength)).toBeGreaterThanOrEqual(0);
        expect(bytes - (8 + keyLength + valueLength)).toBeLessThan(8);
      }
    }
    expect(recordBytes(internalKeyBytesMax, valueBytesMax)).toBeGreaterThan(valueBytesMax);
  });
});

describe('checkRecord', () => {
  it('takes every record that a memtable writes, and gives its length', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 0xffff_ffff }),
        fc.uint8Array({ maxLength: 40 }),
        fc.option(fc.uint8Array({ maxLength: 40 }), { nil: undefined }),
        (bucketId, userKey, value) => {
          const record = oneRecord(internalKey(bucketId, userKey), value);
          const padded = Buffer.concat([Buffer.alloc(8), record, Buffer.alloc(16)]);
          expect(checkRecord(record, 0, record.length)).toBe(record.length);
          expect(checkRecord(padded, 8, padded.length)).toBe(record.length);
        },
      ),
    );
  });

  it('refuses a record that its frame cuts short, wherever it does', () => {
    const record = oneRecord(internalKey(1, 'apple'), 'red');
    for (let end = 0; end < record.length; end++) expect(checkRecord(record, 0, end)).toBeTypeOf('string');
  });

  it('refuses a dead record and every kind that it does not know', () => {
    for (let kind = 0; kind < 256; kind++) {
      const record = changed((bytes) => bytes.writeUInt8(kind, 6));
      expect(typeof checkRecord(record, 0, record.length), `kind ${kind}`).toBe(kind === 1 ? 'number' : 'string');
    }
  });

  it('refuses a tombstone with a value', () => {
    const record = changed((bytes) => bytes.writeUInt8(2, 6));
    expect(checkRecord(record, 0, record.length)).toContain('tombstone');
  });

  it('refuses a key or a value beyond the limits, however long the frame', () => {
    const key = changed((bytes) => bytes.writeUInt16LE(internalKeyBytesMax + 1, 4));
    const value = changed((bytes) => bytes.writeUInt32LE(valueBytesMax + 1, 0));
    const largest = changed((bytes) => bytes.writeUInt32LE(0xffff_ffff, 0));
    for (const record of [key, value, largest]) expect(checkRecord(record, 0, 2 ** 40)).toBeTypeOf('string');
  });

  it('refuses a key that is not in a bucket: no key, a prefix cut short, an id written with more bytes than it needs', () => {
    const noKey = changed((bytes) => bytes.writeUInt16LE(0, 4));
    const cut = oneRecord(Buffer.from([0xfb, 1, 2, 3]), undefined);
    const tooLong = oneRecord(Buffer.from([0xf8, 5, 0x61]), undefined);
    const noMarker = oneRecord(Buffer.from([0xff, 5, 0x61]), undefined);
    for (const record of [noKey, cut, tooLong, noMarker]) {
      expect(checkRecord(record, 0, record.length)).toContain('bucket');
    }
  });

  it('gives a length within the frame or a sentence for any bytes whatever', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        const checked = checkRecord(Buffer.from(bytes), 0, bytes.length);
        if (typeof checked === 'number') expect(checked).toBeLessThanOrEqual(bytes.length);
        else expect(checked.length).toBeGreaterThan(0);
      }),
    );
  });
});
