/**
 * A flush asks for the memory of 128 records before it copies them. A record that is too large to be copied ended the batch, and the next one
 * asked for all that followed again: with keys of 5000 bytes each record cost 128 times its memory, and with records of 4000 bytes four times.
 */
import { expect, test, vi } from 'vitest';
import { Memtable } from '../../src/memtable/memtable.js';
import { OrderedRecords } from '../../src/memtable/ordered-records.js';
import { RecordReader } from '../../src/memtable/record-table.js';
import { internalKey, put } from '../memtable/memtable-fixture.js';

const count = 400;

test.each([
  ['keys that are large', () => 5000, () => 10],
  ['values that are large', () => 8, () => 5000],
  ['records of which four fit into half a window', () => 8, () => 3900],
  ['large records among small ones', (i: number) => (i % 3 === 0 ? 4200 : 8), (i: number) => (i % 7 === 0 ? 4200 : 20)],
])('%s: each is asked for once, in order', (_what, keyBytes, valueBytes) => {
  const memtable = new Memtable(1, 8 << 20);
  for (let i = 0; i < count; i++)
    put(memtable, internalKey(1, String(i).padStart(keyBytes(i), '0')), Buffer.alloc(valueBytes(i), i));
  const reader = RecordReader.ofFrozen(memtable.freeze());
  const touch = vi.spyOn(reader, 'touch');
  const window = Buffer.alloc(32 * 1024);
  const ordinals = Uint32Array.from({ length: count }, (_, i) => count - i);
  const records = new OrderedRecords(reader, ordinals, { window, windowBytes: window.length });
  for (let i = count - 1; records.next(); i--) {
    expect([records.keyEnd - records.keyStart - 1, records.valueEnd - records.keyEnd]).toEqual([
      internalKey(1, String(i).padStart(keyBytes(i), '0')).length - 1,
      valueBytes(i),
    ]);
  }
  let asked = 0;
  for (const [, begin, end] of touch.mock.calls) {
    expect(begin).toBe(asked);
    asked = end;
  }
  expect(asked).toBe(count);
});
