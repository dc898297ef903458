import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Memtable } from '../../src/memtable/memtable.js';
import { checkRecord, kindDead } from '../../src/memtable/record.js';
import { RecordReader } from '../../src/memtable/record-table.js';
import { everything, get, internalKey, latin1, ModelMemtable, nastyKeyArbitrary, put, shown } from './memtable-fixture.js';

const keyArbitrary = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom('a', 'b', 'bb', 'c').map((key) => internalKey(1, key)) },
  { weight: 1, arbitrary: nastyKeyArbitrary.map((key) => internalKey(2, key)) },
);
const recordArbitrary = fc.record({ key: keyArbitrary, value: fc.option(fc.string({ maxLength: 12 }), { nil: undefined }) });
/** Sections, some of which are rolled back. */
const sectionsArbitrary = fc.array(
  fc.record({ records: fc.array(recordArbitrary, { minLength: 1, maxLength: 12 }), isUndone: fc.boolean() }),
  { minLength: 1, maxLength: 10 },
);

const filler = (bytes: number): string => 'f'.repeat(bytes);

function write(memtable: Memtable, model: ModelMemtable, key: Buffer, value: string | undefined): void {
  model.add(key, value === undefined ? undefined : Buffer.from(value).toString('latin1'), memtable.nextSequence);
  put(memtable, key, value);
}

/** All keys of both buckets as a view sees them, walked forward, and the same walked backward. */
function walkBoth(memtable: Memtable, view: number): { forward: (string | undefined)[]; backward: (string | undefined)[] } {
  const forward: (string | undefined)[] = [];
  const backward: (string | undefined)[] = [];
  for (const bucketId of [1, 2]) {
    const cursor = memtable.cursor(bucketId, view);
    if (cursor === undefined) continue;
    const end = internalKey(bucketId + 1, '');
    for (cursor.seek(end, 0, 0); cursor.valid; cursor.next()) forward.push(shown(cursor));
    const found: (string | undefined)[] = [];
    for (cursor.seekBefore(end, 0, end.length); cursor.valid; cursor.previous()) found.push(shown(cursor));
    backward.push(...found.reverse());
  }
  return { forward, backward };
}

/** A record: value; its kind apart, everything that it holds. */
function recordsOf(memtable: Memtable): string[] {
  const frozen = memtable.freeze();
  const reader = RecordReader.ofFrozen(frozen);
  return Array.from({ length: frozen.recordCount }, (_, i) => {
    reader.locate(i + 1);
    const { bytes, keyStart, keyEnd, valueEnd, kind } = reader;
    return `${kind} ${latin1(bytes.subarray(keyStart, keyEnd))} ${latin1(bytes.subarray(keyEnd, valueEnd))}`;
  });
}

describe('a memtable', () => {
  it('gives each view the newest version that is not above its sequence, whatever was rolled back', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2 ** 40 }), sectionsArbitrary, (firstSequence, sections) => {
        const memtable = new Memtable(firstSequence, 1 << 14);
        const model = new ModelMemtable();
        for (const { records, isUndone } of sections) {
          const from = memtable.nextSequence;
          for (const { key, value } of records) write(memtable, model, key, value);
          for (const { key } of records) expect(get(memtable, key)).toBe(model.get(key));
          if (!isUndone) continue;
          memtable.rollBack(from);
          model.rollBack(from);
        }
        const keys = sections.flatMap(({ records }) => records.map(({ key }) => key));
        for (let view = firstSequence - 1; view <= memtable.nextSequence; view++) {
          for (const key of keys) expect(get(memtable, key, view)).toBe(model.get(key, view));
          const expected = model.visible(view);
          expect(walkBoth(memtable, view)).toEqual({ forward: expected, backward: expected });
        }
      }),
      { numRuns: 60 },
    );
  });

  it('knows no key that was not written, also of the same hash slot, and no bucket without records', () => {
    const memtable = new Memtable(1, 1 << 14);
    for (let i = 0; i < 500; i++) put(memtable, internalKey(1, `key${i}`), 'v');
    for (let i = 500; i < 1500; i++) expect(get(memtable, internalKey(1, `key${i}`))).toBe('absent');
    expect(memtable.cursor(2, everything)).toBeUndefined();
  });

  it('gives a sequence once: what was rolled back leaves a gap', () => {
    const memtable = new Memtable(10, 1 << 14);
    for (const value of ['a', 'b', 'c']) put(memtable, internalKey(1, 'k'), value);
    memtable.rollBack(11);
    expect(memtable.nextSequence).toBe(13);
    put(memtable, internalKey(1, 'k'), 'd');
    expect([10, 11, 12, 13].map((view) => get(memtable, internalKey(1, 'k'), view))).toEqual(['=a', '=a', '=a', '=d']);
    expect(recordsOf(memtable).map((record) => Number(record[0]))).toEqual([1, kindDead, kindDead, 1]);
  });

  it('is full when records and their share of the index reach the threshold', () => {
    const memtable = new Memtable(1, 16 * 1024);
    let writes = 0;
    for (; !memtable.isFull; writes++) put(memtable, internalKey(1, `${writes}`), '');
    expect(memtable.usedBytes).toBeGreaterThanOrEqual(16 * 1024);
    // A record of 16 bytes, and 48 of index.
    expect(writes).toBe((16 * 1024) / (16 + 48));
  });

  it('takes an empty value for a value, and a string for its UTF-8 bytes', () => {
    const memtable = new Memtable(1, 1 << 14);
    put(memtable, internalKey(1, 'empty'), '');
    put(memtable, internalKey(1, 'text'), 'é€😀');
    put(memtable, internalKey(1, 'gone'), undefined);
    expect(get(memtable, internalKey(1, 'empty'))).toBe('=');
    expect(get(memtable, internalKey(1, 'text'))).toBe(`=${Buffer.from('é€😀').toString('latin1')}`);
    expect(get(memtable, internalKey(1, 'gone'))).toBe('tombstone');
  });

  it('copies the value: what the caller does to it afterwards changes nothing', () => {
    const memtable = new Memtable(1, 1 << 14);
    for (const length of [10, 100]) {
      const value = Buffer.alloc(length, 'v');
      put(memtable, internalKey(1, `${length}`), value);
      value.fill('x');
      expect(get(memtable, internalKey(1, `${length}`))).toBe(`=${'v'.repeat(length)}`);
    }
  });

  it('forgets everything at clear, and goes on with the sequences that it is told', () => {
    const memtable = new Memtable(1, 1 << 14);
    for (let i = 0; i < 3000; i++) put(memtable, internalKey(1, `key${i % 700}`), filler(60));
    expect(walkBoth(memtable, everything).forward).toHaveLength(700);
    memtable.clear(5000);
    expect([memtable.recordCount, memtable.nextSequence, get(memtable, internalKey(1, 'key0'))]).toEqual([0, 5000, 'absent']);
    expect(memtable.cursor(1, everything)).toBeUndefined();
    put(memtable, internalKey(1, 'key0'), 'new');
    expect([get(memtable, internalKey(1, 'key0'), 4999), get(memtable, internalKey(1, 'key0'), 5000)]).toEqual([
      'absent',
      '=new',
    ]);
    expect(walkBoth(memtable, everything).backward).toEqual(['\x01key0 =new']);
  });
});

describe('a section that moves on to another memtable', () => {
  it('stands there with the same sequences, its dead records dead', () => {
    fc.assert(
      fc.property(sectionsArbitrary, sectionsArbitrary, (before, moving) => {
        const old = new Memtable(1, 1 << 14);
        const model = new ModelMemtable();
        for (const { records } of before) for (const { key, value } of records) write(old, model, key, value);
        const start = old.nextSequence;
        for (const { records, isUndone } of moving) {
          const from = old.nextSequence;
          for (const { key, value } of records) write(old, model, key, value);
          if (!isUndone) continue;
          old.rollBack(from);
          model.rollBack(from);
        }
        const next = new Memtable(start, 1 << 14);
        old.copyRecordsTo(next, start);
        const moved = new ModelMemtable();
        moved.records = model.records.filter((record) => record.sequence >= start);
        expect(next.nextSequence).toBe(old.nextSequence);
        expect(walkBoth(next, everything).forward).toEqual(moved.visible(everything));
        // The value of a dead record is not carried along; everything else is.
        const isAlive = (record: string): boolean => !record.startsWith(`${kindDead}`);
        expect(recordsOf(next).filter(isAlive)).toEqual(
          recordsOf(old)
            .slice(start - 1)
            .filter(isAlive),
        );
        next.rollBack(start);
        expect(walkBoth(next, everything).forward).toEqual([]);
        old.rollBack(start);
        model.rollBack(start);
        expect(walkBoth(old, everything).forward).toEqual(model.visible(everything));
      }),
      { numRuns: 60 },
    );
  });
});

describe('a memtable whose draft goes on to the next one', () => {
  it('shows what it showed, is read on into its index, and goes to the log and to the worker as it was', () => {
    const when = fc.constantFrom('before', 'after', 'both', 'never');
    fc.assert(
      fc.property(sectionsArbitrary, sectionsArbitrary, when, fc.boolean(), (sections, later, read, isLogged) => {
        const plain = new Memtable(1, 1 << 14);
        const memtable = new Memtable(1, 1 << 14);
        const draft = Memtable.draftFor(1 << 14);
        memtable.lend(draft);
        const model = new ModelMemtable();
        for (const { records, isUndone } of sections) {
          const from = memtable.nextSequence;
          for (const { key, value } of records) {
            write(memtable, model, key, value);
            put(plain, key, value);
          }
          if (read === 'before' || read === 'both')
            expect(walkBoth(memtable, everything).forward).toEqual(model.visible(everything));
          if (isUndone) {
            for (const each of [memtable, plain, model]) each.rollBack(from);
          } else if (isLogged) {
            const bytes = memtable.pieces(from, memtable.nextSequence)[0]?.pieces[0] ?? Buffer.alloc(0);
            expect(bytes.buffer).toBeInstanceOf(SharedArrayBuffer);
            expect(Buffer.from(bytes)).toEqual(
              Buffer.from(plain.pieces(from, plain.nextSequence)[0]?.pieces[0] ?? Buffer.alloc(0)),
            );
          }
        }
        expect(memtable.takeBack()).toBe(draft);
        const next = new Memtable(memtable.nextSequence, 1 << 14);
        next.lend(draft);
        for (const { records } of later) for (const { key, value } of records) put(next, key, `${value ?? ''}, later`);
        expect(recordsOf(memtable)).toEqual(recordsOf(plain));
        if (read === 'never') return;
        for (const { key } of sections.flatMap(({ records }) => records)) expect(get(memtable, key)).toBe(model.get(key));
        expect(walkBoth(memtable, everything)).toEqual({
          forward: model.visible(everything),
          backward: model.visible(everything),
        });
      }),
      { numRuns: 100 },
    );
  });
});

describe('the bytes of a memtable', () => {
  /** Three chunks: the first, one for a large value, and one after it. */
  function ofManyChunks(): { memtable: Memtable; model: ModelMemtable } {
    const memtable = new Memtable(100, 1 << 14);
    const model = new ModelMemtable();
    for (let i = 0; i < 900; i++)
      write(memtable, model, internalKey(1, `key${i % 400}`), i % 7 === 0 ? undefined : filler(i % 150));
    write(memtable, model, internalKey(1, 'large'), filler(3_000_000));
    for (let i = 0; i < 30_000; i++) write(memtable, model, internalKey(1, `later${i % 900}`), filler(i % 60));
    return { memtable, model };
  }

  it('go to the log in one piece a chunk, and come back from there to the same memtable', () => {
    const { memtable } = ofManyChunks();
    const pieces = memtable.pieces(100, memtable.nextSequence);
    expect(memtable.freeze().chunks.length).toBeGreaterThan(3);
    expect(pieces.map((run) => run.pieces.length)).toEqual(memtable.freeze().chunks.map(() => 1));
    expect(pieces.reduce((sum, run) => sum + run.entryCount, 0)).toBe(memtable.recordCount);
    const copy = new Memtable(100, 1 << 14);
    for (const run of pieces) {
      expect(run.firstSequence).toBe(copy.nextSequence);
      const payload = Buffer.concat(run.pieces);
      const { bytes, offset, address } = copy.allocateRecords(payload.length);
      payload.copy(bytes, offset);
      for (let at = 0; at < payload.length;) {
        const length = checkRecord(bytes, offset + at, offset + payload.length);
        if (typeof length === 'string') throw new Error(length);
        copy.addRecord(address + at / 8);
        at += length;
      }
    }
    expect(recordsOf(copy)).toEqual(recordsOf(memtable));
    for (const view of [100, 500, 1000, 1001, 20_000, everything]) {
      expect(walkBoth(copy, view)).toEqual(walkBoth(memtable, view));
    }
  });

  it('of any range of sequences are the bytes of its records and no others', () => {
    const { memtable } = ofManyChunks();
    const all = Buffer.concat(memtable.pieces(100, memtable.nextSequence).flatMap(({ pieces }) => pieces));
    for (const cut of [100, 101, 700, 999, 1000, 1001, 1002, 12_345, memtable.nextSequence]) {
      const halves = [memtable.pieces(100, cut), memtable.pieces(cut, memtable.nextSequence)];
      expect(Buffer.concat(halves.flat().flatMap(({ pieces }) => pieces)).equals(all)).toBe(true);
      expect(halves.map((runs) => runs.reduce((sum, run) => sum + run.entryCount, 0))).toEqual([
        cut - 100,
        memtable.nextSequence - cut,
      ]);
    }
  });

  it('show every view the same over many chunks, forward and backward', () => {
    const { memtable, model } = ofManyChunks();
    for (const view of [99, 1000, 1001, everything]) {
      const expected = model.visible(view);
      expect(walkBoth(memtable, view)).toEqual({ forward: expected, backward: expected });
    }
  });
});
