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
 */
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
  /** Whether tables may hold a bucket that is gone: set when one is deleted and after each flush, cleared by who looked for them. */
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
    this.nextBucketId = Math.max(this.nextBucketId, bucket.id + 1);
    this.names = undefined;
  }

  private recover(name: Buffer, sequence: number, id: number): string | undefined {
    if (name.length === 0 || name.length > keyBytesMax) return `a bucket has a name of ${name.length} bytes`;
    this.add(this.create(name, name.toString('latin1'), sequence, id));
    this.highestRecoveredId = Math.max(this.highestRecoveredId, id);
    return undefined;
  }

  markDeleted(bucket: Bucket, deletedSequence: number): void {
    bucket.deletedSequence = deletedSequence;
    this.mayHaveRetired = true;
    this.names = undefined;
  }

  /** Undoes what happened at or after `sequence`. Ids that were given stay given. */
  rollBack(sequence: number): void {
    for (const [nameKey, buckets] of this.byName) {
      const kept = buckets.filter((bucket) => bucket.createdSequence < sequence);
      for (const bucket of kept) if (bucket.deletedSequence >= sequence) bucket.deletedSequence = Number.POSITIVE_INFINITY;
      if (kept.length === 0) this.byName.delete(nameKey);
      else this.byName.set(nameKey, kept);
    }
    this.names = undefined;
  }

  /** Whether some deleted bucket is still kept for a view, or until its deletion is durable. */
  get hasDeletedBuckets(): boolean {
    for (const buckets of this.byName.values()) {
      for (const bucket of buckets) if (bucket.deletedSequence !== Number.POSITIVE_INFINITY) return true;
    }
    return false;
  }

  /** The buckets that a view sees, by name. */
  list(sequence: number): readonly Bucket[] {
    if (this.names?.sequence !== sequence) {
      const buckets: Bucket[] = [];
      for (const versions of this.byName.values())
        for (const bucket of versions) if (existsAt(bucket, sequence)) buckets.push(bucket);
      this.names = { sequence, buckets: buckets.sort((a, b) => compareKeys(a.name, b.name)) };
    }
    return this.names.buckets;
  }

  /**
   * Ids of the buckets that somebody may still read, now or after a crash: those that exist, those whose deletion is not durable
   * yet, and those that a live view sees. The others are forgotten here; what they own may go.
   */
  liveIds(committedSequence: number, views: readonly number[]): Uint32Array {
    const ids = [catalogBucketId];
    for (const [nameKey, buckets] of this.byName) {
      const live = buckets.filter(
        (bucket) => bucket.deletedSequence > committedSequence || views.some((view) => existsAt(bucket, view)),
      );
      for (const bucket of live) ids.push(bucket.id);
      if (live.length === 0) this.byName.delete(nameKey);
      else if (live.length < buckets.length) this.byName.set(nameKey, live);
    }
    return Uint32Array.from(ids).sort();
  }
}
