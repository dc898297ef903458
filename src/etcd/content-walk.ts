/**
 * What a file of etcd holds, in order: each bucket, and behind it its keys with their values. It counts, and sums up the hash, on the way.
 *
 *   root tree ──▶ bucket: header u64 root page, u64 sequence
 *                   │ root page ≥ 2 ──▶ a tree of its own
 *                   └ root page 0   ──▶ the rest of the value is one small leaf page
 *
 * Invariants:
 * 1. Everything in the root is a bucket, and nothing in a bucket is one: etcd makes no others.
 * 2. Figures are complete when `next` has given undefined.
 */
import { corruption } from '../errors.js';
import { extendCrc32c } from '../format/crc32c.js';
import type { EtcdStatus } from './api.js';
import type { BoltFile } from './bolt-file.js';
import { wideNumber } from './bolt-meta.js';
import { inlineElements, type PageElements, pageHeaderBytes } from './bolt-page.js';
import { TreeWalk } from './tree-walk.js';

const bucketHeaderBytes = 16;
const revisionBytes = 17;
/** A revision with a mark behind it: that of a deletion. */
const deletionBytes = 18;
const underscore = 0x5f;
const rootNamedAt = 32;

/** One step of the walk: valid until the next. */
export interface Content {
  readonly kind: 'bucket' | 'entry';
  /** Name of the bucket. It is not used again. */
  readonly bucket: Buffer;
  readonly key: Buffer;
  readonly value: Buffer;
}

const nothing = Buffer.alloc(0);

export class ContentWalk {
  private readonly root: TreeWalk;
  private bucket = nothing;
  private isKeyBucket = false;
  private entries: TreeWalk | undefined;
  private crc = 0;
  private revision = 0;
  private keys = 0;
  private buckets = 0;

  constructor(private readonly file: BoltFile) {
    this.root = new TreeWalk(file, file.meta.rootPage, rootNamedAt, true);
  }

  /** The next bucket or entry, or undefined at the end. */
  next(): Content | undefined {
    const found = this.entries?.next();
    if (found !== undefined && this.entries !== undefined) return this.entry(found, this.entries.key);
    const bucket = this.root.next();
    return bucket === undefined ? undefined : this.enter(bucket);
  }

  /** The figures of what was walked over. */
  status(): EtcdStatus {
    const { crc, revision, keys, buckets, file } = this;
    const { totalSize, pageSize, checksum } = file;
    return { hash: crc >>> 0, revision, totalKey: keys, totalSize, buckets, pageSize, checksum };
  }

  private enter(found: PageElements): Content {
    const { path } = this.file.handle;
    if (!found.isBucket) throw corruption(path, found.offset, 'the root holds a key that is no bucket');
    this.bucket = Buffer.from(this.root.key);
    this.isKeyBucket = this.bucket.equals(keyBucket);
    this.buckets++;
    this.crc = extendCrc32c(this.crc, this.bucket);
    this.entries = this.open(found);
    return { kind: 'bucket', bucket: this.bucket, key: nothing, value: nothing };
  }

  private open(found: PageElements): TreeWalk {
    const { path } = this.file.handle;
    const { valueLength, valueOffset } = found;
    // A bucket without a page of its own takes a quarter of a page at most.
    if (valueLength < bucketHeaderBytes || valueLength > bucketHeaderBytes + this.file.pageSize)
      throw corruption(path, found.offset, `the header of a bucket takes ${valueLength} bytes`);
    const value = found.value();
    const rootPage = wideNumber(value, 0);
    if (rootPage !== 0) {
      if (valueLength !== bucketHeaderBytes)
        throw corruption(path, found.offset, 'a bucket has both a page of its own and keys inside');
      return new TreeWalk(this.file, rootPage, valueOffset);
    }
    if (valueLength < bucketHeaderBytes + pageHeaderBytes) throw corruption(path, found.offset, 'a bucket has no page at all');
    const page = Buffer.from(value.subarray(bucketHeaderBytes));
    const offset = valueOffset + bucketHeaderBytes;
    return new TreeWalk(this.file, inlineElements(path, page, offset), offset);
  }

  private entry(found: PageElements, key: Buffer): Content {
    if (found.isBucket) throw corruption(this.file.handle.path, found.offset, 'a bucket within a bucket: etcd makes none');
    const value = found.value();
    this.crc = extendCrc32c(extendCrc32c(this.crc, key), value);
    this.keys++;
    if (this.isKeyBucket) this.revision = mainRevision(key);
    return { kind: 'entry', bucket: this.bucket, key, value };
  }
}

const keyBucket = Buffer.from('key');

/** The main revision of a key of the bucket `key`, or 0 where it is no revision. */
function mainRevision(key: Buffer): number {
  if ((key.length !== revisionBytes && key.length !== deletionBytes) || key[8] !== underscore) return 0;
  const revision = Number(key.readBigUInt64BE(0));
  return Number.isSafeInteger(revision) ? revision : 0;
}
