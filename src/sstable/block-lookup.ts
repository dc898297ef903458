/**
 * Lookup of a block: from the hash of a key to the entry, for blocks that are asked again and again.
 *
 * A binary search in a block of 130 entries touches some fifteen cache lines, a lookup three. Hashing the keys of a block costs as much
 * as a few searches save, so a block makes its lookup at the fourth point read and one that is soon evicted never does.
 *
 * | tag | entry + 1 |  one slot, u16: as many low bits as the entry needs, above them the top bits of the hash; 0 is free
 * 15                0
 *
 * Open addressing with linear probing, at most half full; the place of a hash is given by its low bits.
 *
 * Invariants:
 * 1. Of several versions of a key the first entry, which is the newest, stands in a slot.
 * 2. What is not found is not in the block: no false negatives and, as keys are compared, no false positives.
 */
import { hashKey } from '../format/key-hash.js';
import type { Block } from './block.js';

/** Blocks with more entries are searched: an entry would leave no bits for a tag. */
const entriesMax = 4095;

function slotCount(entryCount: number): number {
  return entryCount > entriesMax ? 0 : 2 ** (33 - Math.clz32(entryCount));
}

/** Memory in bytes that the lookup of a block with so many entries takes; 0 where such a block has none. */
export function blockLookupBytes(entryCount: number): number {
  return 2 * slotCount(entryCount);
}

export class BlockLookup {
  private readonly slots: Uint16Array;
  private readonly mask: number;
  private readonly entryMask: number;
  private readonly tagShift: number;

  /** Of a block for which `blockLookupBytes` is not 0. */
  constructor(block: Block) {
    const { bytes, entryCount } = block;
    this.slots = new Uint16Array(slotCount(entryCount));
    this.mask = this.slots.length - 1;
    const entryBits = 32 - Math.clz32(entryCount);
    this.entryMask = 2 ** entryBits - 1;
    this.tagShift = 16 + entryBits;
    for (let entry = 0; entry < entryCount; entry++) {
      const start = block.keyStart(entry);
      const end = block.keyEnd(entry);
      if (entry > 0 && block.hasKey(entry - 1, bytes, start, end)) continue;
      this.insert(hashKey(bytes, start, end), entry);
    }
  }

  /** The first entry of `block`, of which this is the lookup, with the key target[start, end), whose hash is given; -1 without one. */
  find(block: Block, hash: number, target: Uint8Array, start: number, end: number): number {
    const { slots, mask, entryMask } = this;
    const tag = (hash >>> this.tagShift) * (entryMask + 1);
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const value = slots[slot] as number;
      if (value === 0) return -1;
      const entry = (value & entryMask) - 1;
      if (value - entry - 1 === tag && block.hasKey(entry, target, start, end)) return entry;
    }
  }

  private insert(hash: number, entry: number): void {
    const { slots, mask } = this;
    let slot = hash & mask;
    while (slots[slot] !== 0) slot = (slot + 1) & mask;
    slots[slot] = (hash >>> this.tagShift) * (this.entryMask + 1) + entry + 1;
  }
}
