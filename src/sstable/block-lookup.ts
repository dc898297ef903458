/**
 * Lookup of a block: from the hash of a key to the entry, for blocks that are asked again and again.
 *
 * | block, as it was read | padding to 4 | lookup |      one ArrayBuffer: all that a point read looks at is reached through one object
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

/** Slots of the lookup of a block with so many entries, a power of two; 0 where such a block has none. */
export function lookupSlotCount(entryCount: number): number {
  return entryCount > entriesMax ? 0 : 1 << (33 - Math.clz32(entryCount));
}

/** Memory in bytes that the lookup of a block with so many entries takes; 0 where such a block has none. */
export function blockLookupBytes(entryCount: number): number {
  return 2 * lookupSlotCount(entryCount);
}

/** Bits of a slot that hold the entry + 1. */
export function lookupEntryBits(entryCount: number): number {
  return 32 - Math.clz32(entryCount);
}

/** Fills the slots of the lookup of a block, which are all zero and as many as `lookupSlotCount` says. */
export function fillLookup(slots: Uint16Array, block: Block): void {
  const { bytes, entryCount } = block;
  const mask = slots.length - 1;
  const entryBits = lookupEntryBits(entryCount);
  for (let entry = 0; entry < entryCount; entry++) {
    const start = block.keyStart(entry);
    const end = block.keyEnd(entry);
    if (entry > 0 && block.hasKey(entry - 1, bytes, start, end)) continue;
    const hash = hashKey(bytes, start, end);
    let slot = hash & mask;
    while (slots[slot] !== 0) slot = (slot + 1) & mask;
    slots[slot] = ((hash >>> (16 + entryBits)) << entryBits) + entry + 1;
  }
}
