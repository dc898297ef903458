/**
 * The one budget of memory for what tables keep in memory: blocks, filters, indexes, and rows (row-cache.ts).
 *
 * There is no map from names to items. What is cached hangs in a slot of the table that owns it, and so does the mark that it was used:
 * a hit is the load of that slot and the store of a byte beside those of its neighbours, and does not touch the item. The cache knows the
 * items only as a ring, and empties the slot of one that it evicts. Eviction is CLOCK (F. Corbató, 1968): a hand goes round the
 * ring; an item used since the hand last came gets one more round, any other goes.
 *
 *       hand → a ⇄ b ⇄ c ⇄ (a)      a new item is put right behind the hand, where it is looked at last
 *
 * Rows have what the ring leaves free. Where it leaves nothing they may have a share (row-share.ts): above it they go before anything in the ring
 * does, below it the ring makes room for them.
 *
 * Invariants:
 * 1. bytes is the sum of the sizes in the ring and of what rows took, and never above the budget.
 * 2. An item that alone is above the budget is not kept: `admit` returns undefined and the caller uses it without a slot.
 * 3. Memory of evicted items is left to the garbage collector: whoever still reads one keeps it alive.
 */
import { RowCache } from './row-cache.js';
import { RowShare } from './row-share.js';
import type { RowBudget } from './row-slots.js';

/** A table, as the cache sees it. */
export interface CacheOwner {
  /** Empties the slot. The item is already out of the cache. */
  forget(slot: number): void;
  /** Whether the slot was used since this was last asked. */
  takeUsed(slot: number): boolean;
}

/** What the cache knows of a slot that is filled. */
export class CacheItem {
  readonly owner: CacheOwner;
  readonly slot: number;
  readonly sizeBytes: number;
  next: CacheItem;
  previous: CacheItem;

  constructor(owner: CacheOwner, slot: number, sizeBytes: number) {
    this.owner = owner;
    this.slot = slot;
    this.sizeBytes = sizeBytes;
    this.next = this;
    this.previous = this;
  }
}

/** What an item takes beyond its bytes: the item, its views and its slot. */
const itemOverheadBytes = 512;

/** The cache of one database. */
export class BlockCache implements RowBudget {
  /** Blocks and rows that were found in memory; who finds them counts them. */
  hits = 0;
  /** Blocks, filters and indexes that were read from a file. */
  misses = 0;
  /** Entries that point reads ask for again and again. */
  readonly rows: RowCache;
  private readonly share: RowShare;
  private readonly budgetBytes: number;
  private usedBytes = 0;
  private rowBytes = 0;
  private hand: CacheItem | undefined;

  constructor(budgetBytes: number) {
    this.budgetBytes = budgetBytes;
    this.share = new RowShare(budgetBytes);
    this.rows = new RowCache(this, budgetBytes);
  }

  /** Bytes in use now. */
  get bytes(): number {
    return this.usedBytes + this.rowBytes;
  }

  /**
   * Takes in what is to hang in a slot, evicting others until it fits; the caller fills the slot, and marks it as used if it is more than
   * read once, as by a scan. Undefined: it is larger than the budget and is not kept.
   */
  admit(owner: CacheOwner, slot: number, valueBytes: number): CacheItem | undefined {
    const sizeBytes = valueBytes + itemOverheadBytes;
    if (sizeBytes > this.budgetBytes) return undefined;
    while (this.bytes + sizeBytes > this.budgetBytes) {
      if (this.hand === undefined || this.rowBytes > this.budgetBytes * this.share.fraction) this.rows.dropOldest();
      else this.evictOne();
    }
    const item = new CacheItem(owner, slot, sizeBytes);
    const hand = this.hand;
    if (hand === undefined) {
      this.hand = item;
    } else {
      item.next = hand;
      item.previous = hand.previous;
      hand.previous.next = item;
      hand.previous = item;
    }
    this.usedBytes += sizeBytes;
    return item;
  }

  /** Takes an item out; its owner empties the slot itself. */
  remove(item: CacheItem): void {
    if (item.next === item) {
      this.hand = undefined;
    } else {
      item.previous.next = item.next;
      item.next.previous = item.previous;
      if (this.hand === item) this.hand = item.next;
    }
    item.next = item;
    item.previous = item;
    this.usedBytes -= item.sizeBytes;
  }

  /** A block, a filter or an index was read from a file. */
  missed(sizeBytes: number): void {
    this.misses++;
    this.share.missed(sizeBytes, this.misses + this.hits);
  }

  /** For the rows only. */
  takeForRows(bytes: number): boolean {
    if (this.bytes + bytes > this.budgetBytes) {
      if (this.rowBytes + bytes > this.budgetBytes * this.share.fraction) return false;
      while (this.bytes + bytes > this.budgetBytes) this.evictOne();
    }
    this.rowBytes += bytes;
    return true;
  }

  /** For the rows only. */
  returnFromRows(bytes: number): void {
    this.rowBytes -= bytes;
  }

  /** Ends after two rounds at most: the first takes every mark. The ring is not empty while bytes are in use. */
  private evictOne(): void {
    let item = this.hand as CacheItem;
    while (item.owner.takeUsed(item.slot)) item = item.next;
    this.hand = item;
    this.remove(item);
    item.owner.forget(item.slot);
  }
}
