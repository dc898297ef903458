import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { EntryCursor } from '../../src/format/entry-cursor.js';
import { Memtable } from '../../src/memtable/memtable.js';
import { internalKey, ModelMemtable, nastyKeyArbitrary, put, shown } from './memtable-fixture.js';

const bucketId = 3;
const keyArbitrary = fc
  .oneof(
    { weight: 3, arbitrary: fc.integer({ min: 0, max: 400 }).map((i) => Buffer.from(String(i).padStart(3, '0'))) },
    { weight: 1, arbitrary: nastyKeyArbitrary },
  )
  .map((key) => internalKey(bucketId, key));

type Step =
  | { readonly kind: 'place'; readonly how: 'seek' | 'seekBefore'; readonly target: Buffer }
  | { readonly kind: 'step'; readonly how: 'next' | 'previous'; readonly times: number }
  | { readonly kind: 'write'; readonly keys: readonly Buffer[] };

const stepArbitrary: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ kind: fc.constant('place'), how: fc.constantFrom('seek', 'seekBefore'), target: keyArbitrary }),
  fc.record({ kind: fc.constant('step'), how: fc.constantFrom('next', 'previous'), times: fc.integer({ min: 1, max: 30 }) }),
  fc.record({ kind: fc.constant('write'), keys: fc.array(keyArbitrary, { maxLength: 60 }) }),
);

/** The rule of a cursor: a place in a list that stands still. */
class ModelCursor {
  place = -1;

  constructor(
    private readonly list: readonly string[],
    private readonly keys: readonly Buffer[],
  ) {}

  get shown(): string | undefined {
    return this.list[this.place];
  }

  seek(target: Buffer): void {
    this.place = this.keys.findIndex((key) => Buffer.compare(key, target) >= 0);
  }

  seekBefore(target: Buffer): void {
    this.place = this.keys.findLastIndex((key) => Buffer.compare(key, target) < 0);
  }

  step(by: number): void {
    this.place += by;
    if (this.place >= this.list.length) this.place = -1;
  }
}

function take(step: Exclude<Step, { kind: 'write' }>, cursor: EntryCursor, model: ModelCursor): void {
  if (step.kind === 'place') {
    cursor[step.how](step.target, 0, step.target.length);
    model[step.how](step.target);
    expect(shown(cursor)).toBe(model.shown);
    return;
  }
  for (let i = 0; i < step.times && cursor.valid; i++) {
    cursor[step.how]();
    model.step(step.how === 'next' ? 1 : -1);
    expect(shown(cursor)).toBe(model.shown);
  }
}

describe('a cursor over a memtable', () => {
  it('walks to and fro over what its view sees, while records are added that it does not see', () => {
    fc.assert(
      fc.property(
        fc.array(keyArbitrary, { minLength: 1, maxLength: 300 }),
        fc.integer({ min: 0, max: 20 }),
        fc.array(stepArbitrary, { maxLength: 20 }),
        (keys, hidden, steps) => {
          const memtable = new Memtable(1, 1 << 14);
          const records = new ModelMemtable();
          keys.forEach((key, i) => {
            const value = i % 5 === 4 ? undefined : `${i}`;
            records.add(key, value, memtable.nextSequence);
            put(memtable, key, value);
          });
          const view = Math.max(0, memtable.nextSequence - 1 - hidden);
          const visible = records.visible(view);
          const cursor = memtable.cursor(bucketId, view) as EntryCursor;
          const model = new ModelCursor(
            visible,
            visible.map((entry) => Buffer.from(entry.slice(0, entry.lastIndexOf(' ')), 'latin1')),
          );
          for (const step of steps) {
            if (step.kind === 'write') for (const key of step.keys) put(memtable, key, 'later');
            else take(step, cursor, model);
          }
        },
      ),
    );
  });

  it('passes over a thousand keys that its view cannot see', () => {
    const memtable = new Memtable(1, 1 << 14);
    put(memtable, internalKey(bucketId, 'a'), '1');
    put(memtable, internalKey(bucketId, 'z'), '2');
    for (let i = 0; i < 1000; i++) put(memtable, internalKey(bucketId, `m${i}`), 'later');
    const cursor = memtable.cursor(bucketId, 2) as EntryCursor;
    cursor.seek(new Uint8Array(0), 0, 0);
    cursor.next();
    expect(shown(cursor)).toBe('\x03z =2');
    cursor.previous();
    expect(shown(cursor)).toBe('\x03a =1');
    cursor.previous();
    expect(cursor.valid).toBe(false);
  });

  it('keeps the bytes that it shows while the columns grow and chunks are added', () => {
    const memtable = new Memtable(1, 1 << 14);
    put(memtable, internalKey(bucketId, 'k'), 'value');
    const cursor = memtable.cursor(bucketId, 1) as EntryCursor;
    cursor.seek(new Uint8Array(0), 0, 0);
    for (let i = 0; i < 3000; i++) put(memtable, internalKey(bucketId, `l${i}`), 'x'.repeat(100));
    expect(shown(cursor)).toBe('\x03k =value');
    cursor.next();
    expect(cursor.valid).toBe(false);
  });

  it('shows a tombstone as an entry, and nothing of a key whose records were all rolled back', () => {
    const memtable = new Memtable(1, 1 << 14);
    put(memtable, internalKey(bucketId, 'a'), undefined);
    put(memtable, internalKey(bucketId, 'b'), 'undone');
    memtable.rollBack(2);
    const cursor = memtable.cursor(bucketId, 9) as EntryCursor;
    cursor.seek(new Uint8Array(0), 0, 0);
    expect([shown(cursor), cursor.isTombstone]).toEqual(['\x03a tombstone', true]);
    cursor.next();
    expect(cursor.valid).toBe(false);
  });
});
