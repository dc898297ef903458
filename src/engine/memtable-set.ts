/**
 * The memtables of an engine: one open, the sealed ones that wait for their flush, and memory that is used again.
 *
 *   sealed[0] (oldest) … sealed[n-1] │ active
 *
 * Invariants:
 * 1. Sequences ascend from slot to slot; a section lies in one slot.
 * 2. Memory of a flushed memtable is used again only when no write to a log still reads it.
 * 3. `generation` changes whenever a slot comes or goes, so that walks that go on know to look anew.
 */
import type { ArenaDraft } from '../memtable/arena.js';
import { Memtable } from '../memtable/memtable.js';
import { MemtableSlot } from './memtable-slot.js';

/**
 * Memtables that are kept to be used again: as many as wait for their flush at most, for several may be flushed before the next one is
 * sealed. One that is not kept is memory until the collector comes round, which a writer that never awaits can put off for long.
 */
const sparesMax = 2;

export class MemtableSet {
  active: MemtableSlot;
  readonly sealed: MemtableSlot[] = [];
  generation = 0;
  /** While recovery reads logs: the oldest of them that it still needs. */
  oldestUnreadLog: number | undefined;
  private readonly spares: Memtable[] = [];
  /** Where the active memtable writes; it goes from one to the next. */
  private readonly draft: ArenaDraft;

  constructor(
    private readonly memtableBytes: number,
    private readonly nextFileNumber: () => number,
    firstSequence: number,
  ) {
    this.draft = Memtable.draftFor(memtableBytes);
    this.active = this.openSlot(firstSequence);
  }

  /** All slots, oldest first. */
  all(): readonly MemtableSlot[] {
    return [...this.sealed, this.active];
  }

  /** The oldest log that holds records of a slot, or will. */
  get oldestLogNumber(): number {
    return (this.sealed[0] ?? this.active).oldestLogNumber;
  }

  get bytes(): number {
    let sum = this.active.memtable.usedBytes;
    for (const slot of this.sealed) sum += slot.memtable.usedBytes;
    return sum;
  }

  /**
   * Seals the active memtable and opens the next. Records of an open section, which begins at `sectionSequence`, move to the new
   * one: a section is never split, and what is sealed can be flushed at once.
   */
  seal(sectionSequence: number | undefined, nextBucketId: number): void {
    const old = this.active;
    old.memtable.takeBack();
    const next = this.openSlot(sectionSequence ?? old.memtable.nextSequence);
    if (sectionSequence !== undefined && sectionSequence < old.memtable.nextSequence) {
      old.memtable.copyRecordsTo(next.memtable, sectionSequence);
      old.memtable.rollBack(sectionSequence);
    }
    old.isSealed = true;
    old.nextBucketId = nextBucketId;
    this.sealed.push(old);
    this.active = next;
    this.generation++;
  }

  /** Takes a memtable that recovery filled, before anything was written. */
  adopt(slot: MemtableSlot, nextBucketId: number): void {
    slot.isSealed = true;
    slot.nextBucketId = nextBucketId;
    this.sealed.push(slot);
    this.generation++;
  }

  /** Sets the first sequence that will be written, when recovery has seen all others. */
  begin(firstSequence: number): void {
    this.active.memtable.clear(firstSequence);
    this.active = new MemtableSlot(this.active.memtable, this.active.logNumber);
  }

  /** Removes the oldest sealed slot, whose tables are installed. */
  removeOldest(): MemtableSlot | undefined {
    const slot = this.sealed.shift();
    if (slot === undefined) return undefined;
    this.generation++;
    slot.log?.close();
    const { memtable } = slot;
    if (slot.operationsInFlight > 0 || !memtable.isWorthKeeping || this.spares.length === sparesMax) return slot;
    // What one large value made it grow by goes at once: it may lie here for long.
    memtable.clear(0);
    this.spares.push(memtable);
    return slot;
  }

  private openSlot(firstSequence: number): MemtableSlot {
    const memtable = this.spares.pop() ?? new Memtable(firstSequence, this.memtableBytes);
    memtable.clear(firstSequence);
    memtable.lend(this.draft);
    return new MemtableSlot(memtable, this.nextFileNumber());
  }
}
