/**
 * The one budget of memory for what tables keep in memory: blocks, filters, indexes.
 *
 * There is no map from names to items. An item hangs in a slot of the table that owns it, so that a hit is the load of that
 * slot and the store of a flag; the cache knows the items only as a ring, and empties the slot of an item that it evicts.
 * Eviction is CLOCK (F. Corbató, 1968): a hand goes round the ring; an item used since the hand last came gets one more
 * round, any other goes.
 *
 *       hand → a ⇄ b ⇄ c ⇄ (a)      a new item is put right behind the hand, where it is looked at last
 *
 * Invariants:
 * 1. bytes is the sum of the sizes in the ring, and never above the budget.
 * 2. An item that alone is above the budget is not kept: `admit` returns undefined and the caller uses it without a slot.
 * 3. Memory of evicted items is left to the garbage collector: whoever still reads one keeps it alive.
 */

/** A table, as the cache sees it. */
export interface CacheOwner {
  /** Empties the slot. The item is already out of the cache. */
  forget(slot: number): void;
}

/** An item in the cache. Owners set `referenced` at each use. */
export class CacheItem<Value> {
  referenced: boolean;
  readonly value: Value;
  readonly owner: CacheOwner;
  readonly slot: number;
  readonly sizeBytes: number;
  next: CacheItem<unknown>;
  previous: CacheItem<unknown>;

  constructor(value: Value, owner: CacheOwner, slot: number, sizeBytes: number, referenced: boolean) {
    this.value = value;
    this.owner = owner;
    this.slot = slot;
    this.sizeBytes = sizeBytes;
    this.referenced = referenced;
    this.next = this;
    this.previous = this;
  }
}

/** What an item takes beyond its bytes: the item, its views and its slot. */
const itemOverheadBytes = 512;

/** The cache of one database. */
export class BlockCache {
  /** Blocks that were found in memory; the tables count them. */
  hits = 0;
  /** Blocks, filters and indexes that were read from a file. */
  misses = 0;
  private readonly budgetBytes: number;
  private usedBytes = 0;
  private hand: CacheItem<unknown> | undefined;

  constructor(budgetBytes: number) {
    this.budgetBytes = budgetBytes;
  }

  /** Bytes in use now. */
  get bytes(): number {
    return this.usedBytes;
  }

  /**
   * Takes an item in, evicting others until it fits; the caller puts the result into the slot. Undefined: the item is larger
   * than the budget and is not kept. Scans come with `referenced` false, so that what they read once goes first.
   */
  admit<Value>(
    value: Value,
    owner: CacheOwner,
    slot: number,
    valueBytes: number,
    referenced: boolean,
  ): CacheItem<Value> | undefined {
    const sizeBytes = valueBytes + itemOverheadBytes;
    if (sizeBytes > this.budgetBytes) return undefined;
    while (this.usedBytes + sizeBytes > this.budgetBytes) this.evictOne();
    const item = new CacheItem(value, owner, slot, sizeBytes, referenced);
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
  remove(item: CacheItem<unknown>): void {
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

  /** Ends after two rounds at most: the first clears every flag. The ring is not empty while bytes are in use. */
  private evictOne(): void {
    let item = this.hand as CacheItem<unknown>;
    while (item.referenced) {
      item.referenced = false;
      item = item.next;
    }
    this.hand = item;
    this.remove(item);
    item.owner.forget(item.slot);
  }
}
