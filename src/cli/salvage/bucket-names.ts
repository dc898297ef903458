/**
 * Which bucket an id stands for, from what can be read of the catalogue.
 *
 * | id        | its entries                                                                                          |
 * | named     | go to the bucket of that name                                                                         |
 * | deleted   | are garbage                                                                                           |
 * | unknown   | are garbage where the whole catalogue was read; else they go to a bucket `recovered-bucket-ID`          |
 */
import type { SalvagedEntry } from './salvaged.js';
import { catalogBucketId } from '../../limits.js';
import { readBucketId } from '../../format/internal-key.js';

export class BucketNames {
  private readonly idByName = new Map<string, number>();
  private readonly nameById = new Map<number, Buffer>();
  private readonly deleted = new Set<number>();
  /** Buckets that got a name because theirs is lost. */
  readonly invented = new Map<number, Buffer>();
  /** Whether part of the catalogue may be lost. */
  isIncomplete = false;

  /** Takes in an entry of the catalogue; whether it is one. In the order of age. */
  take({ internalKey, value }: SalvagedEntry): boolean {
    if (readBucketId(internalKey, 0, internalKey.length) !== catalogBucketId) return false;
    const name = Buffer.from(internalKey.subarray(1));
    const key = name.toString('latin1');
    const before = this.idByName.get(key);
    const id = value?.length === 4 ? Buffer.from(value).readUInt32BE(0) : undefined;
    // What is read twice, in a table and in a log, changes nothing.
    if (before === id) return true;
    if (before !== undefined) {
      this.deleted.add(before);
      this.nameById.delete(before);
      this.idByName.delete(key);
    }
    if (id !== undefined) {
      this.idByName.set(key, id);
      this.nameById.set(id, name);
      this.deleted.delete(id);
    }
    return true;
  }

  /** Names of all buckets, the invented ones apart. */
  get names(): readonly Buffer[] {
    return [...this.nameById.values()];
  }

  /** The name of a bucket; undefined where its entries are garbage. */
  nameOf(id: number): Buffer | undefined {
    const name = this.nameById.get(id) ?? this.invented.get(id);
    if (name !== undefined || this.deleted.has(id) || !this.isIncomplete) return name;
    let invented = `recovered-bucket-${id}`;
    while (this.idByName.has(invented)) invented += '-';
    const bytes = Buffer.from(invented);
    this.invented.set(id, bytes);
    return bytes;
  }

  /** The id of the bucket of that name. */
  idOf(name: Buffer): number | undefined {
    const known = this.idByName.get(name.toString('latin1'));
    if (known !== undefined) return known;
    for (const [id, invented] of this.invented) if (invented.equals(name)) return id;
    return undefined;
  }
}
