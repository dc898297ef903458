/**
 * A table whose keys are out of order (a file that somebody made; checksums are right) led a walk for ever: behind an entry that it showed came
 * deleted ones of smaller keys, which lie in a gap that ends at that entry, and the walk leapt there and showed it again.
 */
import { expect, test } from 'vitest';
import { Gaps } from '../../src/engine/gaps.js';
import { MergingCursor } from '../../src/engine/merging-cursor.js';
import { compareBytes } from '../../src/format/bytes.js';
import type { EntryCursor } from '../../src/format/entry-cursor.js';

const noBytes = Buffer.alloc(0);

/** Keys in the order in which they stand; those in lower case are deleted, and all are shown in it. */
class Listed implements EntryCursor {
  readonly file = 'a test';
  readonly keyStart = 0;
  readonly keyEnd = 1;
  readonly valueBytes = noBytes;
  readonly valueStart = 0;
  readonly valueEnd = 0;
  private place = 0;

  constructor(private readonly keys: string) {}

  get valid(): boolean {
    return this.place >= 0 && this.place < this.keys.length;
  }

  get keyBytes(): Buffer {
    return Buffer.from(this.keys.charAt(this.place).toLowerCase());
  }

  get isTombstone(): boolean {
    return this.keys.charAt(this.place) === this.keys.charAt(this.place).toLowerCase();
  }

  seek(target: Uint8Array, start: number, end: number): void {
    for (this.place = 0; this.valid && compareBytes(this.keyBytes, 0, 1, target, start, end) < 0;) this.place++;
  }

  seekBefore(target: Uint8Array, start: number, end: number): void {
    for (this.place = this.keys.length - 1; this.valid && compareBytes(this.keyBytes, 0, 1, target, start, end) >= 0;)
      this.place--;
  }

  next(): void {
    this.place++;
  }

  previous(): void {
    this.place--;
  }

  fillStretch(): void {}

  passStretch(): void {}
}

function shown(keys: string, reverse: boolean): string {
  const gaps = new Gaps();
  gaps.add(Buffer.from(reverse ? 'gx' : 'c'), Buffer.from(reverse ? 'x' : 'g'), 1, reverse);
  const keeper = { gaps, writtenSequence: 2 };
  const cursor = new MergingCursor([new Listed(keys)], reverse, 1, keeper, 1, Buffer.from(reverse ? 'a' : 'z'));
  let found = '';
  cursor.seek(Buffer.from(reverse ? 'z' : 'a'), 0, 1);
  for (; cursor.current !== undefined && found.length < 10; cursor.next()) found += String(cursor.current.keyBytes);
  return found;
}

const many = (key: string): string => key.repeat(100);

test('a walk over keys that are out of order leaps back once at most, and ends', () => {
  expect(shown(`G${many('d')}K`, false)).toMatch(/^g{1,2}k$/);
  expect(shown(`E${many('k')}G`, true)).toMatch(/^g{1,2}e$/);
});
