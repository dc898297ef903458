/**
 * Sections: puts and deletes between a beginning and an end, visible to readers all at once.
 *
 *   idle ── begin ──▶ open ── end ──▶ idle      its records become visible, and wait for their commit
 *                      └─── rollBack ─▶ idle      its records are dead
 *
 * Where the memtable is full when a section ends it is sealed at once. Where too much waits for its flush, the first write of the
 * next section waits (`makeRoom`), so a section that has begun to write never stops half-way.
 *
 * Invariants:
 * 1. Nothing of an open section is visible, logged or flushed.
 * 2. `prepare` comes before each write. Arguments were checked before they come here; a write either happens whole or throws with nothing changed.
 */
import { VarveError } from '../errors.js';
import { hashKey } from '../format/key-hash.js';
import { bucketPrefix } from '../format/internal-key.js';
import { catalogBucketId } from '../limits.js';
import type { Bucket, BucketCatalog } from './bucket-catalog.js';
import type { Gaps } from './gaps.js';
import type { MemtableSet } from './memtable-set.js';

export class WritePath {
  /** Next sequence after everything that is unlocked: readers see what is below. */
  unlockedSequence: number;
  /** Keys and values of puts in sections that were unlocked. */
  userBytes = 0;
  private sectionStart: number | undefined;
  private sectionUserBytes = 0;
  private makingRoom = false;
  private catalogKey = new Uint8Array(64);
  private readonly catalogPrefix = bucketPrefix(catalogBucketId);
  private readonly idBytes = Buffer.alloc(4);

  constructor(
    private readonly memtables: MemtableSet,
    readonly catalog: BucketCatalog,
    private readonly gaps: Gaps,
    /** Waits until a full memtable can be sealed, and seals it. Throws where that cannot come to be. */
    private readonly makeRoom: () => void,
    private readonly onSealed: () => void,
  ) {
    this.unlockedSequence = memtables.active.memtable.nextSequence;
  }

  get isOpen(): boolean {
    return this.sectionStart !== undefined;
  }

  /** First sequence of the open section, or undefined. */
  get openSequence(): number | undefined {
    return this.sectionStart;
  }

  /** Next sequence after everything written, the open section included: what the writer sees. */
  get writtenSequence(): number {
    return this.memtables.active.memtable.nextSequence;
  }

  begin(): void {
    this.sectionStart = this.memtables.active.memtable.nextSequence;
    this.sectionUserBytes = 0;
  }

  end(): void {
    const { active } = this.memtables;
    const to = active.memtable.nextSequence;
    const from = this.sectionStart ?? to;
    this.sectionStart = undefined;
    if (from === to) return;
    active.addSection(from, to);
    this.unlockedSequence = to;
    this.userBytes += this.sectionUserBytes;
    if (active.memtable.isFull) this.onSealed();
  }

  rollBack(): void {
    const from = this.sectionStart;
    this.sectionStart = undefined;
    if (from !== undefined) this.undoFrom(from);
  }

  /** Undoes what the open section wrote at or after `sequence`; the section stays open. */
  undoFrom(sequence: number): void {
    const { memtable } = this.memtables.active;
    if (sequence >= memtable.nextSequence) return;
    memtable.rollBack(sequence);
    this.catalog.rollBack(sequence);
    this.gaps.undoFrom(sequence);
  }

  /** Puts a value (its UTF-8 bytes where it is a string) of `valueBytes` bytes. `key[0, keyEnd)` is the internal key. */
  put(key: Uint8Array, keyEnd: number, userKeyBytes: number, value: Uint8Array | string, valueBytes: number): void {
    if (!this.gaps.isEmpty) this.gaps.cut(key, keyEnd);
    this.memtables.active.memtable.append(key, keyEnd, hashKey(key, 0, keyEnd), value, valueBytes);
    this.sectionUserBytes += userKeyBytes + valueBytes;
  }

  delete(key: Uint8Array, keyEnd: number): void {
    this.memtables.active.memtable.append(key, keyEnd, hashKey(key, 0, keyEnd), undefined, 0);
  }

  /** Creates a bucket that the writer does not see. `name` is kept. */
  createBucket(name: Buffer, nameKey: string): void {
    const { memtable } = this.memtables.active;
    const bucket = this.catalog.create(name, nameKey, memtable.nextSequence);
    const keyEnd = this.makeCatalogKey(name);
    this.idBytes.writeUInt32BE(bucket.id);
    memtable.append(this.catalogKey, keyEnd, hashKey(this.catalogKey, 0, keyEnd), this.idBytes, this.idBytes.length);
    this.catalog.add(bucket);
  }

  /** Deletes a bucket that the writer sees, and with it all its keys, in constant time. */
  deleteBucket(bucket: Bucket): void {
    const { memtable } = this.memtables.active;
    const sequence = memtable.nextSequence;
    const keyEnd = this.makeCatalogKey(bucket.name);
    memtable.append(this.catalogKey, keyEnd, hashKey(this.catalogKey, 0, keyEnd), undefined, 0);
    this.catalog.markDeleted(bucket, sequence);
  }

  /**
   * Before each write, and before its arguments are looked at: makes room where the memtable is full and the section has not written yet.
   * Throws where there is none to be had; nothing has happened then.
   */
  prepare(): void {
    const { active } = this.memtables;
    if (!active.memtable.isFull) return;
    if (this.sectionStart === undefined)
      throw new VarveError('VARVE_ASSERTION', 'broken invariant: a write happens in a section');
    if (active.memtable.nextSequence !== this.sectionStart || this.makingRoom) return;
    // Nothing is written yet: the section is set aside while room is made, which may take a section of the commit hook.
    const userBytes = this.sectionUserBytes;
    this.sectionStart = undefined;
    this.makingRoom = true;
    try {
      this.makeRoom();
    } finally {
      this.makingRoom = false;
      this.sectionStart = this.memtables.active.memtable.nextSequence;
      this.sectionUserBytes = userBytes;
    }
  }

  private makeCatalogKey(name: Uint8Array): number {
    const keyEnd = this.catalogPrefix.length + name.length;
    if (this.catalogKey.length < keyEnd) this.catalogKey = new Uint8Array(keyEnd);
    this.catalogKey.set(this.catalogPrefix);
    this.catalogKey.set(name, this.catalogPrefix.length);
    return keyEnd;
  }
}
