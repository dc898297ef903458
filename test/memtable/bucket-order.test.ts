import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compareKeys } from '../../src/format/bytes.js';
import { BucketOrder } from '../../src/memtable/bucket-order.js';
import { KeyComparer } from '../../src/memtable/key-comparer.js';
import { internalKey, latin1, nastyKeyArbitrary, RecordColumn } from './memtable-fixture.js';

const bucketId = 300;

/** An order with its records, and the keys that it holds. */
class Order {
  readonly keys: Buffer[] = [];
  private readonly comparer: KeyComparer;
  private readonly order: BucketOrder;

  constructor(private readonly column = new RecordColumn()) {
    this.comparer = new KeyComparer(column.reader.another());
    this.order = new BucketOrder(this.comparer);
  }

  /** Takes a key that it does not hold yet. */
  add(key: Buffer): void {
    if (this.keys.some((known) => known.equals(key))) return;
    const { ordinal, bytes, start, end } = this.column.add(key);
    this.comparer.setAddresses(this.column.addresses);
    this.order.add(ordinal, bytes, start, end);
    this.keys.push(key);
  }

  collect(target: Buffer, forward: boolean, exclusive: boolean, limit: number): string[] {
    const out = new Uint32Array(limit);
    // The target lies somewhere inside a larger array, as it does in a scratch buffer.
    const around = Buffer.concat([Buffer.from([0xee]), target, Buffer.from([0xee])]);
    const count = this.order.collect(around, 1, 1 + target.length, forward, exclusive, out);
    return [...out.subarray(0, count)].map((ordinal) => latin1(this.column.keyOf(ordinal)));
  }

  expected(target: Buffer, forward: boolean, exclusive: boolean, limit: number): string[] {
    const sorted = [...this.keys].sort(compareKeys);
    const found = forward
      ? sorted.filter((key) => compareKeys(key, target) >= (exclusive ? 1 : 0))
      : sorted.filter((key) => compareKeys(key, target) < 0).reverse();
    return found.slice(0, limit).map(latin1);
  }

  check(target: Buffer, forward: boolean, exclusive: boolean, limit: number): void {
    expect(this.collect(target, forward, exclusive, limit)).toEqual(this.expected(target, forward, exclusive, limit));
  }
}

const keyArbitrary = nastyKeyArbitrary.map((userKey) => internalKey(bucketId, userKey));
const outsideArbitrary = fc.constantFrom(
  Buffer.alloc(0),
  Buffer.from([0]),
  internalKey(bucketId - 1, 'zzz'),
  internalKey(bucketId, ''),
  internalKey(bucketId, Buffer.alloc(400, 0xff)),
  internalKey(bucketId + 1, ''),
  Buffer.alloc(10, 0xff),
);

/** How a batch of keys arrives. */
const arrange = {
  'in order': (keys: Buffer[]) => keys.sort(compareKeys),
  reversed: (keys: Buffer[]) => keys.sort(compareKeys).reverse(),
  'as they come': (keys: Buffer[]) => keys,
} as const;
const arrangementArbitrary = fc.constantFrom(...(Object.keys(arrange) as (keyof typeof arrange)[]));

const questionArbitrary = fc.record({
  target: fc.oneof({ weight: 3, arbitrary: keyArbitrary }, { weight: 1, arbitrary: outsideArbitrary }),
  forward: fc.boolean(),
  exclusive: fc.boolean(),
  limit: fc.integer({ min: 1, max: 40 }),
});
const stepArbitrary = fc.record({
  keys: fc.array(keyArbitrary, { maxLength: 100 }),
  arrangement: arrangementArbitrary,
  questions: fc.array(questionArbitrary, { minLength: 1, maxLength: 3 }),
});

describe('the order of one bucket', () => {
  it('answers as a sorted list does, forward, forward exclusive and backward, while keys arrive in any order', () => {
    fc.assert(
      fc.property(fc.array(stepArbitrary, { minLength: 1, maxLength: 6 }), (steps) => {
        const order = new Order();
        for (const { keys, arrangement, questions } of steps) {
          for (const key of arrange[arrangement]([...keys])) order.add(key);
          if (order.keys.length === 0) continue;
          for (const { target, forward, exclusive, limit } of questions) order.check(target, forward, exclusive, limit);
          const held = order.keys[order.keys.length >> 1] as Buffer;
          order.check(held, true, false, 5);
          order.check(held, true, true, 5);
          order.check(held, false, true, 5);
        }
      }),
    );
  });

  it('gives nothing beyond its last key and before its first', () => {
    const order = new Order();
    for (const key of ['b', 'c', 'a']) order.add(internalKey(bucketId, key));
    expect(order.collect(internalKey(bucketId, 'c'), true, true, 9)).toEqual([]);
    expect(order.collect(internalKey(bucketId, 'a'), false, true, 9)).toEqual([]);
    expect(order.collect(internalKey(bucketId + 1, ''), true, false, 9)).toEqual([]);
    expect(order.collect(internalKey(bucketId - 1, 'x'), false, true, 9)).toEqual([]);
  });

  it('merges a batch larger than a quarter of the tree in bulk, and inserts a smaller one: both are found', () => {
    const order = new Order();
    const key = (i: number): Buffer => internalKey(bucketId, String(i).padStart(6, '0'));
    order.add(key(999_999));
    for (let i = 0; i < 600; i++) order.add(key((i * 7919) % 10_007));
    order.check(key(0), true, false, 1000);
    for (let i = 0; i < 40; i++) order.add(key(20_000 + ((i * 37) % 40)));
    order.check(key(0), true, false, 1000);
    for (let i = 0; i < 900; i++) order.add(key(30_000 + ((i * 7) % 900)));
    order.check(key(0), true, false, 2000);
    order.check(key(999_999), false, true, 2000);
  });

  it('takes its heads anew when a key comes that shares less with the others', () => {
    const order = new Order();
    for (let i = 0; i < 100; i++) order.add(internalKey(bucketId, `common/prefix/${String((i * 37) % 100).padStart(3, '0')}`));
    order.check(internalKey(bucketId, ''), true, false, 200);
    order.add(internalKey(bucketId, 'common/a'));
    order.add(internalKey(bucketId, 'd'));
    order.check(internalKey(bucketId, ''), true, false, 200);
    order.check(internalKey(bucketId, 'common/prefix/050'), false, true, 200);
  });

  it('compares a target with all keys where it shares less than they share with each other', () => {
    const order = new Order();
    for (const end of ['11', '10', '12']) order.add(internalKey(bucketId, `shared-${end}`));
    for (const target of ['', 'sha', 'shared', 'shared-', 'shared-1', 'shared-11', 'shared-110', 'sharee', 'a', 'z']) {
      for (const forward of [true, false]) order.check(internalKey(bucketId, target), forward, false, 9);
    }
  });

  it('of two buckets over one set of records knows its own keys only', () => {
    const column = new RecordColumn();
    const comparer = new KeyComparer(column.reader.another());
    const orders = [new BucketOrder(comparer), new BucketOrder(comparer)];
    for (let i = 0; i < 50; i++) {
      const { ordinal, bytes, start, end } = column.add(internalKey(i % 2, String((i * 7) % 50).padStart(2, '0')));
      comparer.setAddresses(column.addresses);
      orders[i % 2]?.add(ordinal, bytes, start, end);
    }
    const found = orders.map((order) => {
      const out = new Uint32Array(60);
      return [...out.subarray(0, order.collect(Buffer.alloc(0), 0, 0, true, false, out))].map((ordinal) =>
        latin1(column.keyOf(ordinal)),
      );
    });
    const expected = [0, 1].map((bucket) =>
      column.keys
        .filter((key) => key[0] === bucket)
        .sort(compareKeys)
        .map(latin1),
    );
    expect(found).toEqual(expected);
  });
});
