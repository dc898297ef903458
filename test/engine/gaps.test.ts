/** Gaps (engine/gaps.ts): what walks leap over is what nobody sees, whatever is put, deleted, undone, flushed and merged. */
import { setImmediate as turn } from 'node:timers/promises';
import fc from 'fast-check';
import { afterEach, describe, expect, test } from 'vitest';
import type { BatchTx, ReadTx } from '../../src/api.js';
import type { EngineBackend } from '../../src/backend/backend.js';
import { Gaps } from '../../src/engine/gaps.js';
import { MergingCursor } from '../../src/engine/merging-cursor.js';
import { compareKeys } from '../../src/format/bytes.js';
import type { EntryCursor } from '../../src/format/entry-cursor.js';
import { openOn, smallSizes } from '../support/memory-database.js';
import { MemoryFileSystem } from '../support/memory-file-system.js';
import { byTier, seedOf } from '../support/tier.js';

const keyCount = 400;
const keyOf = (number: number): string => `key ${String(number).padStart(3, '0')}`;
const bucketArbitrary = fc.constantFrom('first', 'second');

/** Few places, so that what is walked over is often what was deleted, or what lies beside it. */
const stepOf = (whats: readonly string[], counts: readonly number[]) =>
  fc.record({
    what: fc.constantFrom(...whats),
    bucket: bucketArbitrary,
    from: fc.constantFrom(0, 100, 199, 200, 201, 300),
    count: fc.constantFrom(...counts),
  });
const stepArbitrary = fc.oneof(
  { weight: 4, arbitrary: stepOf(['delete'], [99, 100, 200, 400]) },
  { weight: 3, arbitrary: stepOf(['put'], [1, 1, 100]) },
  { weight: 8, arbitrary: stepOf(['walk', 'walk back', 'walk an old view'], [1, 2, 100, 200, 400]) },
  { weight: 4, arbitrary: stepOf(['begin', 'end', 'undo', 'undo', 'view', 'release', 'flush'], [1]) },
);
type Step = typeof stepArbitrary extends fc.Arbitrary<infer T> ? T : never;
type State = Map<string, Map<string, string>>;

const copyOf = (state: State): State => new Map([...state].map(([name, entries]) => [name, new Map(entries)]));

/** A backend beside a naive model of it. */
class Pair {
  private state: State = new Map([
    ['first', new Map()],
    ['second', new Map()],
  ]);
  private before: State | undefined;
  private views: { readonly tx: ReadTx; readonly state: State }[] = [];
  private puts = 0;

  constructor(private readonly backend: EngineBackend) {
    backend.update((tx) => {
      for (const bucket of this.state.keys()) {
        tx.unsafeCreateBucket(bucket);
        for (let number = 0; number < keyCount; number++) this.put(tx, bucket, keyOf(number));
      }
    });
  }

  async take(step: Step): Promise<void> {
    const { backend } = this;
    const batch = backend.batchTx();
    const { what, bucket, from, count } = step;
    if (what === 'delete' || what === 'put') {
      const isOpen = this.before !== undefined;
      if (!isOpen) batch.lock();
      for (let number = from; number < Math.min(keyCount, from + count); number++) {
        if (what === 'put') this.put(batch, bucket, keyOf(number));
        else batch.unsafeDelete(bucket, keyOf(number));
        if (what === 'delete') this.state.get(bucket)?.delete(keyOf(number));
      }
      if (!isOpen) batch.unlock();
    } else if (what === 'begin' && this.before === undefined) {
      this.before = copyOf(this.state);
      batch.lock();
    } else if (what === 'end' && this.before !== undefined) {
      this.before = undefined;
      batch.unlock();
    } else if (what === 'undo' && this.before !== undefined) {
      this.state = this.before;
      this.before = undefined;
      batch.rollback();
    } else if (what === 'view') {
      this.views.push({ tx: backend.concurrentReadTx(), state: copyOf(this.before ?? this.state) });
    } else if (what === 'release') {
      this.views.shift()?.tx.runlock();
    } else if (what === 'flush') {
      await backend.defrag();
    } else {
      this.walk(step);
    }
  }

  private put(tx: BatchTx, bucket: string, key: string): void {
    const value = `value ${this.puts++}`;
    tx.unsafePut(bucket, key, value);
    this.state.get(bucket)?.set(key, value);
  }

  private walk({ what, bucket, from, count }: Step): void {
    const old = what === 'walk an old view' ? this.views[0] : undefined;
    const gte = keyOf(from);
    const lt = keyOf(from + count);
    const reverse = what === 'walk back';
    // In an open section both what it sees and what everybody else sees.
    const seen: [ReadTx, State][] = [[this.backend.readTx(), this.before ?? this.state]];
    if (this.before !== undefined) seen.push([this.backend.batchTx(), this.state]);
    if (old !== undefined) seen.splice(0, 2, [old.tx, old.state]);
    for (const [tx, state] of seen) {
      const expected = [...(state.get(bucket) ?? [])]
        .filter(([key]) => key >= gte && key < lt)
        .sort(([a], [b]) => (a < b ? -1 : 1));
      if (reverse) expected.reverse();
      for (const limit of [1, 0]) {
        const found = [...tx.unsafeIterate(bucket, { gte, lt, reverse, limit })].map(([key, value]) => [
          key.toString(),
          value.toString(),
        ]);
        expect(found).toEqual(limit === 0 ? expected : expected.slice(0, limit));
      }
    }
  }
}

const opened: EngineBackend[] = [];
afterEach(async () => {
  for (const backend of opened.splice(0)) await backend.close();
});

test('walks find what is there, and nothing else, among many deleted entries', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(stepArbitrary, { minLength: 10, maxLength: 50 }), async (steps) => {
      const backend = await openOn(new MemoryFileSystem(), { path: '/db', memtableBytes: 16 * 1024 }, smallSizes);
      opened.push(backend);
      const pair = new Pair(backend);
      for (const step of steps) await pair.take(step);
      await backend.close();
    }),
    { numRuns: byTier(60, 2000), seed: seedOf('gaps') },
  );
});

/** Puts more than a memtable holds, which becomes a run of its own. */
async function putRun(backend: EngineBackend, entries: readonly (readonly [bucket: string, key: string])[]): Promise<void> {
  const { flushes } = backend.stats();
  backend.update((tx) => {
    for (const [bucket, key] of entries) tx.unsafePut(bucket, key, 'x'.repeat(1024));
  });
  await backend.forceCommit();
  for (let turns = 0; backend.stats().flushes === flushes && turns < 1000; turns++) await turn();
  expect(backend.stats().flushes).toBe(flushes + 1);
}

async function openWithBuckets(): Promise<EngineBackend> {
  const backend = await openOn(new MemoryFileSystem(), { path: '/db', memtableBytes: 16 * 1024 }, smallSizes);
  opened.push(backend);
  backend.update((tx) => {
    for (const bucket of ['first', 'second']) tx.unsafeCreateBucket(bucket);
  });
  await putRun(
    backend,
    hundred.map((key) => ['first', key]),
  );
  return backend;
}

const hundred = Array.from({ length: 100 }, (_, number) => keyOf(number));
const deleteAll = (tx: BatchTx): void => {
  for (const key of hundred) tx.unsafeDelete('first', key);
};
const keysOf = (tx: ReadTx, bucket: string): string[] => [...tx.unsafeIterate(bucket)].map(([key]) => key.toString());

test('a walk that finds nothing up to the end of its bucket says nothing of the next one', async () => {
  const backend = await openWithBuckets();
  // A run of which a walk over the first bucket knows nothing, and a newer one in which it comes to the second.
  const later = hundred.map((key) => `later ${key}`);
  await putRun(
    backend,
    hundred.map((key) => ['second', key]),
  );
  await putRun(backend, [...hundred.map((key) => ['first', key] as const), ...later.map((key) => ['second', key] as const)]);
  backend.update(deleteAll);
  expect(keysOf(backend.readTx(), 'first')).toEqual([]);
  expect(keysOf(backend.readTx(), 'second')).toEqual([...hundred, ...later]);
});

test('what a section deleted is back for walks after it was undone, also when others have written since', async () => {
  const backend = await openWithBuckets();
  const section = backend.batchTx();
  section.lock();
  deleteAll(section);
  expect(keysOf(section, 'first')).toEqual([]);
  section.rollback();
  backend.update((tx) => {
    for (const key of hundred) tx.unsafePut('second', key, 'other');
  });
  backend.update((tx) => tx.unsafePut('second', 'one', 'more'));
  expect(keysOf(backend.readTx(), 'first')).toEqual(hundred);
});

test('a table whose keys are out of order does not make a walk leap for ever', () => {
  let seeks = 0;
  let steps = 0;
  const move = (): void => {
    steps++;
  };
  const source: EntryCursor = {
    file: 'a test',
    get valid() {
      return steps < 1000;
    },
    keyBytes: Buffer.from('d'),
    keyStart: 0,
    keyEnd: 1,
    isTombstone: true,
    valueBytes: Buffer.alloc(0),
    valueStart: 0,
    valueEnd: 0,
    seek: () => {
      if (++seeks > 10) throw new Error('it leaps again and again');
      steps = 0;
    },
    seekBefore: move,
    next: move,
    previous: move,
    fillStretch: move,
    passStretch: move,
  };
  const gaps = new Gaps();
  gaps.add(Buffer.from('c'), Buffer.from('g'), 1, false);
  const cursor = new MergingCursor([source], false, 1, { gaps, writtenSequence: 2 }, 1, Buffer.from('z'));
  cursor.seek(Buffer.from('a'), 0, 1);
  expect(cursor.current).toBeUndefined();
});

describe('gaps', () => {
  const key = (text: string): Buffer => Buffer.from(text);
  const leap = (gaps: Gaps, from: string, view = 9, reverse = false): string | undefined => {
    const to = gaps.leap(key(from), 0, from.length, view, reverse);
    return to === undefined ? undefined : Buffer.from(to).toString();
  };

  test('are leapt over from inside, in both directions, by views that are not older', () => {
    const gaps = new Gaps();
    gaps.add(key('c'), key('g'), 5, false);
    expect(['b', 'c', 'f', 'g'].map((from) => leap(gaps, from))).toEqual([undefined, 'g', 'g', undefined]);
    expect(['c', 'd', 'g', 'h'].map((from) => leap(gaps, from, 5, true))).toEqual([undefined, 'c', 'c', undefined]);
    expect(leap(gaps, 'd', 4)).toBeUndefined();
  });

  test('that touch are one', () => {
    const gaps = new Gaps();
    gaps.add(key('c'), key('g'), 5, false);
    gaps.add(key('m'), key('p'), 6, false);
    gaps.add(key('g'), key('m'), 7, false);
    expect(leap(gaps, 'c', 7)).toBe('p');
    expect(leap(gaps, 'c', 6)).toBeUndefined();
  });

  test('keep the part from which walks come where a key is put into them', () => {
    const [forward, reverse] = [new Gaps(), new Gaps()];
    forward.add(key('c'), key('g'), 5, false);
    reverse.add(key('c'), key('g'), 5, true);
    for (const gaps of [forward, reverse]) gaps.cut(key('e and more'), 1);
    expect([leap(forward, 'd'), leap(forward, 'e')]).toEqual(['e', undefined]);
    expect([leap(reverse, 'e', 9, true), leap(reverse, 'f', 9, true)]).toEqual([undefined, 'e\0']);
    forward.cut(key('c'), 1);
    expect(forward.isEmpty).toBe(true);
  });

  test('go with the section in which they were found, where that is undone', () => {
    const gaps = new Gaps();
    gaps.add(key('a'), key('b'), 4, false);
    gaps.add(key('c'), key('d'), 5, false);
    gaps.undoFrom(5);
    expect([leap(gaps, 'a'), leap(gaps, 'c')]).toEqual(['b', undefined]);
  });

  test('are a bounded number, of which the oldest goes', () => {
    const gaps = new Gaps();
    const names = Array.from({ length: 100 }, (_, i) => `gap ${String(i).padStart(3, '0')}`);
    for (const [i, name] of names.entries()) gaps.add(key(name), key(`${name} end`), 100 - i, false);
    expect(names.filter((name) => leap(gaps, name, 100) !== undefined)).toEqual(names.slice(0, 64));
  });

  test('are empty ranges of no use', () => {
    const gaps = new Gaps();
    gaps.add(key('b'), key('b'), 1, false);
    gaps.add(key('b'), key('a'), 1, false);
    expect(gaps.isEmpty).toBe(true);
    expect(compareKeys(key('a'), key('b'))).toBeLessThan(0);
  });
});
