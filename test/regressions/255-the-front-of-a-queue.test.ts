/**
 * Looking at the front of a queue, or at any range that begins, or ends, at many deleted entries: each look stepped over all of them, and beyond the
 * end of its range as well. To take 160 000 entries one by one took four minutes, and each took longer than the one before.
 */
import { expect, test } from 'vitest';
import { Gaps } from '../../src/engine/gaps.js';
import { MergingCursor } from '../../src/engine/merging-cursor.js';
import type { EntryCursor } from '../../src/format/entry-cursor.js';

const entryCount = 20_000;
const keyOf = (place: number): Buffer => Buffer.from(String(place).padStart(6, '0'));

/** Keys in order, of which some are deleted; it counts its steps. */
class Keys implements EntryCursor {
  readonly file = 'a test';
  steps = 0;
  valid = false;
  readonly deleted = new Uint8Array(entryCount);
  keyBytes: Uint8Array = keyOf(0);
  readonly keyStart = 0;
  keyEnd = 6;
  isTombstone = false;
  readonly valueBytes = Buffer.alloc(0);
  readonly valueStart = 0;
  readonly valueEnd = 0;
  private place = 0;

  seek(target: Uint8Array): void {
    this.show(Number(Buffer.from(target).toString()));
  }

  seekBefore(target: Uint8Array): void {
    this.show(Math.ceil(Number(Buffer.from(target.subarray(0, 6)).toString()) + (target.length > 6 ? 1 : 0)) - 1);
  }

  next(): void {
    this.show(this.place + 1);
  }

  previous(): void {
    this.show(this.place - 1);
  }

  fillStretch(): void {
    throw new Error('nobody asks for a stretch');
  }

  passStretch(): void {
    throw new Error('nobody asks for a stretch');
  }

  private show(place: number): void {
    this.steps++;
    this.place = place;
    this.valid = place >= 0 && place < entryCount;
    this.keyBytes = keyOf(place);
    this.isTombstone = this.deleted[place] === 1;
  }
}

test.each([false, true])('each entry of a queue is found in some steps (from its end: %s)', (reverse) => {
  const keys = new Keys();
  const gaps = new Gaps();
  const [first, last] = [keyOf(0), keyOf(entryCount)];
  for (let taken = 0; taken < entryCount; taken++) {
    const cursor = new MergingCursor([keys], reverse, 1, { gaps, writtenSequence: taken }, taken, reverse ? first : last);
    cursor.seek(reverse ? last : first, 0, 6);
    const place = reverse ? entryCount - 1 - taken : taken;
    if (Buffer.compare(cursor.current?.keyBytes ?? last, keyOf(place)) !== 0) throw new Error(`at ${taken} is another key`);
    keys.deleted[place] = 1;
  }
  expect(keys.steps).toBeLessThan(200 * entryCount);
});

test.each([false, true])('a range ends where it ends, also among deleted entries (in reverse: %s)', (reverse) => {
  const keys = new Keys();
  keys.deleted.fill(1);
  const middle = keyOf(entryCount / 2);
  const cursor = new MergingCursor([keys], reverse, 1, { gaps: new Gaps(), writtenSequence: 2 }, 1, middle);
  cursor.seek(middle, 0, 6);
  expect(cursor.current).toBeUndefined();
  expect(keys.steps).toBeLessThan(200);
});
