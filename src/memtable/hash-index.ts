/**
 * The point index of a memtable: hash of a key → ordinal of the first record of that key.
 *
 * Open addressing with linear probing over one Int32Array, two words a slot, at most half full:
 *
 * | ordinal (0: free) i32 | hash i32 | …
 *
 * The whole hash stands in the slot, so a probe reads a record only where the key is almost surely the one that is looked
 * for, and growing needs no keys. Slots are never removed: a key whose records were all rolled back keeps its slot. Whoever inserts
 * reserves before: nothing is counted here.
 */
const slotsMin = 1024;

export class HashIndex {
  private slots: Int32Array;
  private mask: number;
  /** What `touch` read, kept so that the reads are not optimised away. */
  touched = 0;

  constructor(keyCount: number) {
    const capacity = slotsFor(keyCount);
    this.slots = new Int32Array(capacity * 2);
    this.mask = capacity - 1;
  }

  /** The slot where a search for `hash` begins. */
  firstSlot(hash: number): number {
    return hash & this.mask;
  }

  nextSlot(slot: number): number {
    return (slot + 1) & this.mask;
  }

  /** The ordinal in a slot if its hash is this one, 0 if the slot is free, -1 if the slot belongs to another hash. */
  probe(slot: number, hash: number): number {
    const ordinal = this.slots[slot * 2] as number;
    return ordinal === 0 || this.slots[slot * 2 + 1] === (hash | 0) ? ordinal : -1;
  }

  /**
   * Reads the slots where searches for hashes[begin, end) begin, and makes nothing of them: loads that do not depend on one another
   * overlap, so that those searches need not wait for memory one by one.
   */
  touch(hashes: Int32Array, begin: number, end: number): void {
    const { slots, mask } = this;
    let sum = 0;
    for (let i = begin; i < end; i++) sum ^= slots[((hashes[i] as number) & mask) * 2] as number;
    this.touched = sum;
  }

  /** Makes room for `keyCount` keys in all. Slots found before are not valid afterwards. */
  reserve(keyCount: number): void {
    const capacity = slotsFor(keyCount);
    if (capacity > this.mask + 1) this.grow(capacity);
  }

  /** Fills the free slot at which a search ended, for which there is room. */
  insert(slot: number, hash: number, ordinal: number): void {
    this.slots[slot * 2] = ordinal;
    this.slots[slot * 2 + 1] = hash | 0;
  }

  clear(): void {
    this.slots.fill(0);
  }

  private grow(capacity: number): void {
    const old = this.slots;
    this.slots = new Int32Array(capacity * 2);
    this.mask = capacity - 1;
    for (let i = 0; i < old.length; i += 2) {
      const ordinal = old[i] as number;
      if (ordinal === 0) continue;
      let slot = (old[i + 1] as number) & this.mask;
      while (this.slots[slot * 2] !== 0) slot = (slot + 1) & this.mask;
      this.slots[slot * 2] = ordinal;
      this.slots[slot * 2 + 1] = old[i + 1] as number;
    }
  }
}

/** Slots for so many keys: a power of two, of which they are at most half. */
function slotsFor(keyCount: number): number {
  let capacity = slotsMin;
  while (capacity < keyCount * 2) capacity *= 2;
  return capacity;
}
