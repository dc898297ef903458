/**
 * Reading at a sequence: memtables from the newest to the oldest, then the runs of the version from the newest to the oldest.
 *
 *   active ─▶ sealed (newest … oldest) ─▶ level 0 runs ─▶ … ─▶ last level
 *                                          └ a row of the key (row-cache.ts) spares those that are older than it
 *
 * The first source that has a version for the view decides. One hash of the key serves all of them.
 *
 * Invariants:
 * 1. Nothing here keeps a place in a source between two calls (gaps.ts speaks of content), so nothing needs to be pinned: a walk that
 *    goes on notices by `generation` that sources changed, and takes its place again by key.
 * 2. Bytes that a call finds are valid until the next call of the engine; callers copy.
 */
import { compareBytes } from '../format/bytes.js';
import { type EntryCursor, type FoundValue, type PointRead, pointAbsent, pointValue } from '../format/entry-cursor.js';
import { hashKey } from '../format/key-hash.js';
import type { BlockCache } from '../sstable/block-cache.js';
import { rowTooYoung } from '../sstable/row-cache.js';
import { RunCursor } from '../sstable/run-cursor.js';
import type { Bucket } from './bucket-catalog.js';
import type { Gaps } from './gaps.js';
import type { LiveRun, ReadableRun } from './live-runs.js';
import type { MemtableSet } from './memtable-set.js';
import { MergingCursor } from './merging-cursor.js';
import { type ReadDebt, unitsOfLook, unitsOfPlacing, unitsOfStep } from './read-debt.js';
import type { VersionStore } from './version-store.js';

export class ReadPath {
  constructor(
    private readonly memtables: MemtableSet,
    private readonly versions: VersionStore,
    private readonly cache: BlockCache,
    private readonly debt: ReadDebt,
    readonly gaps: Gaps,
  ) {}

  /** Sequence of the newest write, also of one in an open section. */
  get writtenSequence(): number {
    return this.memtables.active.memtable.nextSequence - 1;
  }

  /** Changes whenever memtables or tables come or go. */
  get generation(): number {
    return this.memtables.generation + this.versions.generation;
  }

  /** Whether the view at `viewSequence` sees a value for the internal key key[0, keyEnd); `found` then says where. */
  get(key: Uint8Array, keyEnd: number, viewSequence: number, found: FoundValue): boolean {
    const hash = hashKey(key, 0, keyEnd);
    const { active, sealed } = this.memtables;
    let read = active.memtable.get(key, 0, keyEnd, hash, viewSequence, found);
    if (read !== pointAbsent) return read === pointValue;
    for (let i = sealed.length - 1; i >= 0; i--) {
      read = (sealed[i] as (typeof sealed)[number]).memtable.get(key, 0, keyEnd, hash, viewSequence, found);
      if (read !== pointAbsent) return read === pointValue;
    }
    return this.getFromRuns(key, keyEnd, hash, viewSequence, found);
  }

  /** The same below the memtables, in which the view has nothing for the key. */
  private getFromRuns(key: Uint8Array, keyEnd: number, hash: number, viewSequence: number, found: FoundValue): boolean {
    const { rows } = this.cache;
    const { runs } = this.versions;
    const asOf = rows.find(key, keyEnd, hash, viewSequence, found);
    let read: PointRead = pointAbsent;
    let isRow = false;
    let looks = 0;
    for (let i = 0; i < runs.length; i++) {
      const run = runs[i] as LiveRun;
      // What is in this run and in older ones was there already when the row was made.
      isRow = run.maxSequence <= asOf;
      if (isRow) break;
      const place = tableFor(run, key, keyEnd);
      if (place < 0) continue;
      read = (run.readers[place] as (typeof run.readers)[number]).get(key, 0, keyEnd, hash, viewSequence, found);
      if (read !== pointAbsent) break;
      looks++;
    }
    if (looks > 0) this.debt.pay(looks * unitsOfLook);
    if (isRow) {
      this.cache.hits++;
      if (asOf < viewSequence) rows.confirm(viewSequence);
      return true;
    }
    if (read !== pointValue) return false;
    if (asOf !== rowTooYoung) rows.add(key, keyEnd, hash, viewSequence, found);
    return true;
  }

  /**
   * A cursor over one bucket, or over a range of it, for a view. `bound` is the internal key where the range ends that is walked over; the
   * cursor may show keys beyond, or end there.
   */
  cursor(
    bucket: Pick<Bucket, 'id' | 'prefix' | 'end'>,
    viewSequence: number,
    reverse: boolean,
    bound: Uint8Array,
  ): MergingCursor {
    const cursors: EntryCursor[] = [];
    const { active, sealed } = this.memtables;
    for (let i = sealed.length; i >= 0; i--) {
      const { memtable } = i === sealed.length ? active : (sealed[i] as (typeof sealed)[number]);
      const cursor = memtable.cursor(bucket.id, viewSequence);
      if (cursor !== undefined) cursors.push(cursor);
    }
    let runs = 0;
    for (const run of this.versions.runs) {
      if (!touches(run, bucket.prefix, bucket.end)) continue;
      cursors.push(new RunCursor(run.readers, viewSequence));
      runs++;
    }
    if (runs > 1) this.debt.pay((runs - 1) * unitsOfPlacing);
    return new MergingCursor(cursors, reverse, runs, this, viewSequence, bound);
  }

  /** Takes note of steps that a walk made over several runs. */
  paySteps(steps: number): void {
    this.debt.pay(steps * unitsOfStep);
  }
}

/** The one table of a run that may hold the key, or -1. */
function tableFor(run: ReadableRun, key: Uint8Array, keyEnd: number): number {
  const { tables } = run;
  let low = 0;
  let high = tables.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const { largestKey } = tables[middle] as (typeof tables)[number];
    if (compareBytes(largestKey, 0, largestKey.length, key, 0, keyEnd) < 0) low = middle + 1;
    else high = middle;
  }
  const table = tables[low];
  if (table === undefined) return -1;
  return compareBytes(table.smallestKey, 0, table.smallestKey.length, key, 0, keyEnd) <= 0 ? low : -1;
}

/** Whether a run may hold keys in [begin, end). */
export function touches(run: ReadableRun, begin: Uint8Array, end: Uint8Array): boolean {
  const first = run.tables[0];
  const last = run.tables[run.tables.length - 1];
  if (first === undefined || last === undefined) return false;
  return (
    compareBytes(first.smallestKey, 0, first.smallestKey.length, end, 0, end.length) < 0 &&
    compareBytes(last.largestKey, 0, last.largestKey.length, begin, 0, begin.length) >= 0
  );
}
