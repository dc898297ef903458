/**
 * A walk over many runs: of a key that stood in all of them each had to pass all the others, and of keys that alternate each was compared with half
 * of them. Over 32 runs an entry cost 20 to 60 times what it costs over two.
 */
import { expect, test } from 'vitest';
import { MergingCursor } from '../../src/engine/merging-cursor.js';
import type { EntryCursor } from '../../src/format/entry-cursor.js';

const runs = 32;
const keysOfRun = 50;

/** Keys in order; it counts how often somebody looks at one. */
class Keys implements EntryCursor {
  readonly file = 'a test';
  looks = 0;
  readonly keyStart = 0;
  readonly keyEnd = 4;
  readonly isTombstone = false;
  readonly valueBytes = Buffer.alloc(0);
  readonly valueStart = 0;
  readonly valueEnd = 0;
  private place = 0;

  constructor(private readonly keys: readonly Buffer[]) {}

  get valid(): boolean {
    return this.place >= 0 && this.place < this.keys.length;
  }

  get keyBytes(): Uint8Array {
    this.looks++;
    return this.keys[this.place] ?? Buffer.alloc(0);
  }

  seek(): void {
    this.place = 0;
  }

  seekBefore(): void {
    this.place = this.keys.length - 1;
  }

  next(): void {
    this.place++;
  }

  previous(): void {
    this.place--;
  }

  fillStretch(): void {
    throw new Error('nobody asks for a stretch');
  }

  passStretch(): void {
    throw new Error('nobody asks for a stretch');
  }
}

const keyOf = (number: number): Buffer => Buffer.from(String(number).padStart(4, '0'));

test.each([
  ['the same keys in all', (run: number, place: number) => place + 0 * run],
  ['keys that alternate', (run: number, place: number) => place * runs + run],
])('over many runs, with %s, an entry is compared with few others', (_, numberOf) => {
  for (const reverse of [false, true]) {
    const sources = Array.from(
      { length: runs },
      (_run, run) => new Keys(Array.from({ length: keysOfRun }, (_place, place) => keyOf(numberOf(run, place)))),
    );
    const all = sources.flatMap((_source, run) => Array.from({ length: keysOfRun }, (_place, place) => numberOf(run, place)));
    const expected = [...new Set(all)].sort((a, b) => (reverse ? b - a : a - b));
    const cursor = new MergingCursor(sources, reverse, runs);
    cursor.seek(keyOf(0), 0, 4);
    const before = sources.reduce((sum, { looks }) => sum + looks, 0);
    const found: EntryCursor[] = [];
    for (let source = cursor.current; source !== undefined; source = cursor.current) {
      found.push(source);
      cursor.next();
    }
    expect(found.length).toBe(expected.length);
    const looks = sources.reduce((sum, source) => sum + source.looks, 0) - before;
    // Two for each comparison: with the next one, and as many as a search among 32 takes.
    expect(looks).toBeLessThan(16 * runs * keysOfRun);
  }
});
