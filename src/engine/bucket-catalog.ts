/**
 * Which buckets exist, for each view: name → id, with the sequences at which the bucket was created and deleted.
 *
 * On disk the catalogue is bucket 0 of the keyspace: the key is the name, the value the id in four big-endian bytes. So
 * creating and deleting a bucket is a put and a delete like any other: atomic with its section, undone with it, in the log, in
 * the tables and in every snapshot. In memory it is this class, filled from bucket 0 at open.
 *
 * Invariants:
 * 1. An id is given once in the life of a database, in ascending order. A file that says otherwise is refused by `recover`.
 * 2. Of the buckets with one name at most one exists at any sequence.
 * 3. A deleted bucket stays here until its deletion is durable and no view is older: until then its data must not go.
 * 4. What is asked or changed costs no look at buckets that have nothing to do with it, however many there are.
 */
import { firstFrom } from '../compaction/drop-policy.js';
import { VarveError } from '../errors.js';
import { compareKeys } from '../format/bytes.js';
import { bucketEnd, bucketPrefix } from '../format/internal-key.js';
import { bucketIdMax, catalogBucketId, keyBytesMax } from '../limits.js';

export interface Bucket {
  readonly id: number;
  readonly name: Buffer;
  /** The name as a string of bytes (latin1), which is the key of the map. */
  readonly nameKey: string;
  /** Head of all its internal keys, and the first byte string after them. */
  readonly prefix: Uint8Array;
  readonly end: Uint8Array;
  readonly createdSequence: number;
  /** Infinity while it exists. */
  deletedSequence: number;
}

/** A bucket was created or deleted, which may still be undone. */
interface Change {
  readonly bucket: Bucket;
  readonly sequence: number;
}

const existsAt = (bucket: Bucket, sequence: number): boolean =>
  bucket.createdSequence <= sequence && sequence < bucket.deletedSequence;

/** The id that a file gives a bucket, or what is wrong with it. */
function readId(bytes: Buffer): number | string {
  if (bytes.length !== 4) return `a bucket has an id of ${bytes.length} bytes instead of 4`;
  const id = bytes.readUInt32BE(0);
  return id === catalogBucketId ? 'a bucket has the id of the catalogue' : id;
}

export class BucketCatalog {
  /** Buckets by name, oldest first. */
  private readonly byName = new Map<string, Bucket[]>();
  /** Ids of the buckets that are kept here, in any order; sorted by whoever asks for all. */
  private readonly ids = new Set([catalogBucketId]);
  private sortedIds: Uint32Array | undefined;
  /** Buckets that were deleted and are still kept. */
  private readonly deleted = new Set<Bucket>();
  /** In the order of their sequences: those of the open section, and before them others until they are durable. */
  private changes: Change[] = [];
  /** Views that are not older see the same buckets. */
  private lastChangeSequence = 0;
  /** Whether tables may hold a bucket that is gone: set when one went and after each flush, cleared by who looked for them. */
  mayHaveRetired = true;
  private highestRecoveredId = catalogBucketId;
  private names: { sequence: number; buckets: readonly Bucket[] } | undefined;

  constructor(
    /** The id that the next new bucket gets. */
    public nextBucketId: number,
  ) {}

  /** The bucket of that name which a view at `sequence` sees. */
  find(nameKey: string, sequence: number): Bucket | undefined {
    const buckets = this.byName.get(nameKey);
    if (buckets === undefined) return undefined;
    for (let i = buckets.length - 1; i >= 0; i--) {
      const bucket = buckets[i] as Bucket;
      if (existsAt(bucket, sequence)) return bucket;
      // Those before it were deleted before it was created.
      if (bucket.createdSequence <= sequence) return undefined;
    }
    return undefined;
  }

  /** Takes in a bucket that the tables hold, whose id is `idBytes`; or says in words what is wrong with it. Once a name. */
  recoverStored(name: Buffer, idBytes: Buffer): string | undefined {
    const id = readId(idBytes);
    if (typeof id === 'string') return id;
    if (id >= this.nextBucketId)
      return `a bucket has the id ${id}, the manifest says that those from ${this.nextBucketId} on were not given`;
    return this.recover(name, 0, id);
  }

  /** As recoverStored for one that a log says was created at `sequence`, after all those that were taken in before. */
  recoverCreated(name: Buffer, sequence: number, idBytes: Buffer): string | undefined {
    if (this.find(name.toString('latin1'), sequence) !== undefined) return 'a bucket is created that exists';
    const id = readId(idBytes);
    if (typeof id === 'string') return id;
    return id > this.highestRecoveredId
      ? this.recover(name, sequence, id)
      : `a bucket is created with the id ${id}, which was given before`;
  }

  /** A new bucket with an id of its own, not yet part of the catalogue. */
  create(name: Buffer, nameKey: string, createdSequence: number, id = this.nextBucketId): Bucket {
    if (id > bucketIdMax) throw new VarveError('VARVE_LIMIT', `a database has at most ${bucketIdMax} buckets in its life`);
    return {
      id,
      name,
      nameKey,
      prefix: bucketPrefix(id),
      end: bucketEnd(id),
      createdSequence,
      deletedSequence: Number.POSITIVE_INFINITY,
    };
  }

  add(bucket: Bucket): void {
    const buckets = this.byName.get(bucket.nameKey);
    if (buckets === undefined) this.byName.set(bucket.nameKey, [bucket]);
    else buckets.push(bucket);
    this.ids.add(bucket.id);
    this.sortedIds = undefined;
    this.nextBucketId = Math.max(this.nextBucketId, bucket.id + 1);
    this.noteChange(bucket, bucket.createdSequence);
  }

  private recover(name: Buffer, sequence: number, id: number): string | undefined {
    if (name.length === 0 || name.length > keyBytesMax) return `a bucket has a name of ${name.length} bytes`;
    this.add(this.create(name, name.toString('latin1'), sequence, id));
    this.highestRecoveredId = Math.max(this.highestRecoveredId, id);
    return undefined;
  }

  markDeleted(bucket: Bucket, deletedSequence: number): void {
    bucket.deletedSequence = deletedSequence;
    this.deleted.add(bucket);
    this.noteChange(bucket, deletedSequence);
  }

  /** Undoes what happened at or after `sequence`. Ids that were given stay given. */
  rollBack(sequence: number): void {
    const { changes } = this;
    for (let last = changes.at(-1); last !== undefined && last.sequence >= sequence; last = changes.at(-1)) {
      const { bucket } = last;
      changes.pop();
      this.names = undefined;
      if (last.sequence === bucket.createdSequence) {
        this.removeNewest(bucket);
      } else {
        bucket.deletedSequence = Number.POSITIVE_INFINITY;
        this.deleted.delete(bucket);
      }
    }
  }

  /** The buckets that a view sees, by name. */
  list(sequence: number): readonly Bucket[] {
    const asOf = Math.min(sequence, this.lastChangeSequence);
    if (this.names?.sequence !== asOf) {
      const buckets: Bucket[] = [];
      for (const versions of this.byName.values())
        for (const bucket of versions) if (existsAt(bucket, sequence)) buckets.push(bucket);
      this.names = { sequence: asOf, buckets: buckets.sort((a, b) => compareKeys(a.name, b.name)) };
    }
    return this.names.buckets;
  }

  /**
   * Forgets the buckets that nobody can read any more, now or after a crash: whose deletion is durable, and that no live view sees. What
   * they own may go. `views` ascend.
   */
  retire(committedSequence: number, views: readonly number[]): void {
    const { changes } = this;
    if ((changes[0]?.sequence ?? Number.POSITIVE_INFINITY) <= committedSequence)
      this.changes = changes.filter(({ sequence }) => sequence > committedSequence);
    const retiredNames = new Set<string>();
    for (const bucket of this.deleted) {
      const { id, nameKey, createdSequence, deletedSequence } = bucket;
      const view = views[firstFrom(views, createdSequence)];
      if (deletedSequence > committedSequence || (view !== undefined && view < deletedSequence)) continue;
      this.deleted.delete(bucket);
      this.ids.delete(id);
      retiredNames.add(nameKey);
    }
    if (retiredNames.size === 0) return;
    this.sortedIds = undefined;
    this.mayHaveRetired = true;
    for (const nameKey of retiredNames) {
      const kept = this.byName.get(nameKey)?.filter(({ id }) => this.ids.has(id)) ?? [];
      if (kept.length === 0) this.byName.delete(nameKey);
      else this.byName.set(nameKey, kept);
    }
  }

  /** Whether `retire` may find something. */
  get hasDeletedBuckets(): boolean {
    return this.deleted.size > 0;
  }

  /** Whether somebody may still read the bucket with this id, as it was when buckets last retired. */
  isLive(bucketId: number): boolean {
    return this.ids.has(bucketId);
  }

  /** The ids of those, ascending; not to be changed. */
  get liveIds(): Uint32Array {
    this.sortedIds ??= Uint32Array.from(this.ids).sort();
    return this.sortedIds;
  }

  private noteChange(bucket: Bucket, sequence: number): void {
    this.changes.push({ bucket, sequence });
    this.lastChangeSequence = Math.max(this.lastChangeSequence, sequence);
    this.names = undefined;
  }

  /** Takes out a bucket that no other one of its name came after. */
  private removeNewest({ nameKey, id }: Bucket): void {
    const buckets = this.byName.get(nameKey);
    buckets?.pop();
    if (buckets?.length === 0) this.byName.delete(nameKey);
    this.ids.delete(id);
    this.sortedIds = undefined;
  }
}
