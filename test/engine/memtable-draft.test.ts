/**
 * The draft goes from memtable to memtable while the old ones are read, logged and flushed: a set of memtables against a list of records.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { MemtableSlot } from '../../src/engine/memtable-slot.js';
import { MemtableSet } from '../../src/engine/memtable-set.js';
import { kindDead, kindTombstone, recordBytes, recordHeaderBytes } from '../../src/memtable/record.js';
import { RecordReader } from '../../src/memtable/record-table.js';
import { everything, get, internalKey, latin1, ModelMemtable, put, shown } from '../memtable/memtable-fixture.js';
import { byTier } from '../support/tier.js';

/** Sizes of values: none at all, those of loops and of calls, and what no first chunk has room for. */
const valueBytesArbitrary = fc.oneof(
  { weight: 8, arbitrary: fc.integer({ min: 0, max: 70 }) },
  { weight: 3, arbitrary: fc.integer({ min: 2000, max: 9000 }) },
  { weight: 1, arbitrary: fc.constantFrom(79_000, 120_000) },
);
const writeArbitrary = fc.record({ key: fc.nat(11), bytes: valueBytesArbitrary, isPut: fc.boolean(), moves: fc.nat(9) });
const stepArbitrary = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ section: fc.array(writeArbitrary, { maxLength: 12 }), isUndone: fc.boolean(), age: fc.nat(20) }),
  },
  { weight: 3, arbitrary: fc.constantFrom('seal', 'log', 'log', 'flush', 'walk') },
);
type Section = { section: { key: number; bytes: number; isPut: boolean; moves: number }[]; isUndone: boolean; age: number };

/** Records as text, one after the other, from the bytes of a log frame. */
function decoded(bytes: Buffer): string[] {
  const records: string[] = [];
  for (let at = 0; at < bytes.length;) {
    const valueBytes = bytes.readUInt32LE(at);
    const keyEnd = at + recordHeaderBytes + bytes.readUInt16LE(at + 4);
    const value = bytes[at + 6] === kindTombstone ? 'tombstone' : `=${latin1(bytes.subarray(keyEnd, keyEnd + valueBytes))}`;
    const end = at + recordBytes(keyEnd - at - recordHeaderBytes, valueBytes);
    expect(bytes.subarray(keyEnd + valueBytes, end).every((byte) => byte === 0)).toBe(true);
    records.push(`${latin1(bytes.subarray(at + recordHeaderBytes, keyEnd))} ${value}`);
    at = end;
  }
  return records;
}

class World {
  private number = 0;
  readonly set = new MemtableSet(16 * 1024, () => ++this.number, 1);
  readonly model = new ModelMemtable();
  /** What went to logs, with a copy of what it was then. */
  private readonly logged: { bytes: Uint8Array; copy: Buffer; slot: MemtableSlot }[] = [];
  private loggedRecords: string[] = [];
  private expectedLog: string[] = [];

  section({ section, isUndone, age }: Section): void {
    const from = this.set.active.memtable.nextSequence;
    for (const { key, bytes, isPut, moves } of section) {
      const { memtable } = this.set.active;
      const name = internalKey(1 + (key % 2), `key${key}`);
      const value = isPut ? String.fromCharCode(97 + ((this.number + memtable.nextSequence) % 26)).repeat(bytes) : undefined;
      this.model.add(name, value, memtable.nextSequence);
      put(memtable, name, value);
      if (moves === 0) this.seal(from);
      if (moves === 1) this.look(name, everything);
    }
    const { active } = this.set;
    const to = active.memtable.nextSequence;
    if (isUndone) {
      active.memtable.rollBack(from);
      this.model.rollBack(from);
    } else if (to > from) {
      active.addSection(from, to);
      const written = this.model.records.filter(({ sequence }) => sequence >= from);
      for (const { key, value } of written)
        this.expectedLog.push(`${latin1(key)} ${value === undefined ? 'tombstone' : `=${value}`}`);
    }
    const view = Math.max(0, to - 1 - age);
    for (const key of new Set(section.map((write) => write.key))) this.look(internalKey(1 + (key % 2), `key${key}`), view);
    if (active.memtable.isFull) this.seal(undefined);
  }

  seal(section: number | undefined): void {
    this.set.seal(section, 1);
  }

  log(): void {
    const target = this.set.active.memtable.nextSequence;
    for (const slot of this.set.all()) {
      for (const { pieces } of slot.framesBelow(target)) {
        for (const bytes of pieces) {
          expect(bytes.buffer).toBeInstanceOf(SharedArrayBuffer);
          const copy = Buffer.from(bytes);
          this.logged.push({ bytes, copy, slot });
          this.loggedRecords.push(...decoded(copy));
        }
      }
      slot.markLogged(target);
    }
    for (const slot of this.set.all()) slot.markCommitted(target);
    expect(this.loggedRecords).toEqual(this.expectedLog);
    this.loggedRecords = [];
    this.expectedLog = [];
  }

  /** The oldest memtable goes, as the worker would have read it. */
  flush(): void {
    const [oldest] = this.set.sealed;
    if (oldest === undefined || !oldest.isFlushable) return;
    this.check();
    const frozen = oldest.memtable.freeze();
    const reader = RecordReader.ofFrozen(frozen);
    const found: string[] = [];
    for (let ordinal = 1; ordinal <= frozen.recordCount; ordinal++) {
      reader.locate(ordinal);
      const { bytes, keyStart, keyEnd, valueEnd, kind } = reader;
      if (kind === kindDead) continue;
      const value = kind === kindTombstone ? 'tombstone' : `=${latin1(bytes.subarray(keyEnd, valueEnd))}`;
      found.push(`${frozen.firstSequence + ordinal - 1} ${latin1(bytes.subarray(keyStart, keyEnd))} ${value}`);
    }
    const next = (this.set.sealed[1] ?? this.set.active).memtable.firstSequence;
    const { records } = this.model;
    const flushed = records.filter(({ sequence }) => sequence < next);
    expect(found).toEqual(
      flushed.map(({ key, value, sequence }) => `${sequence} ${latin1(key)} ${value === undefined ? 'tombstone' : `=${value}`}`),
    );
    this.model.records = records.filter(({ sequence }) => sequence >= next);
    for (let i = this.logged.length - 1; i >= 0; i--) if (this.logged[i]?.slot === oldest) this.logged.splice(i, 1);
    this.set.removeOldest();
  }

  look(key: Buffer, view: number): void {
    let found = 'absent';
    for (const { memtable } of this.set.all()) {
      const here = get(memtable, key, view);
      if (here !== 'absent') found = here;
    }
    expect(found).toBe(this.model.get(key, view));
  }

  walk(): void {
    const newest = new Map<string, string>();
    for (const { memtable } of this.set.all()) {
      for (const bucketId of [1, 2]) {
        const cursor = memtable.cursor(bucketId, everything);
        if (cursor === undefined) continue;
        for (cursor.seek(Buffer.alloc(0), 0, 0); cursor.valid; cursor.next()) {
          const text = shown(cursor) ?? '';
          newest.set(text.slice(0, text.indexOf(' ')), text);
        }
      }
    }
    expect([...newest.values()].sort()).toEqual(this.model.visible(everything).sort());
  }

  /** What logs were given is as it was: a write of it may be under way. */
  check(): void {
    for (const { bytes, copy } of this.logged) expect(Buffer.compare(bytes, copy)).toBe(0);
  }
}

describe('memtables that write in one draft', () => {
  it('are read, logged and flushed as they were written, wherever sections move on or are undone', () => {
    fc.assert(
      fc.property(fc.array(stepArbitrary, { minLength: 5, maxLength: 40 }), (steps) => {
        const world = new World();
        for (const step of steps) {
          if (typeof step === 'object') world.section(step);
          else if (step === 'seal') world.seal(undefined);
          else world[step as 'log' | 'flush' | 'walk']();
        }
        world.check();
        world.walk();
        world.log();
        while (world.set.sealed.length > 0) world.flush();
      }),
      { numRuns: byTier(60, 3000) },
    );
  });
});
