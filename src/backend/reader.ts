/**
 * The read calls, for any transaction: arguments in, copies out, at the sequence that the transaction sees.
 *
 * What differs between transactions comes from a `ReadScope`: at which sequence it reads now, whether it may read at all, and what a
 * missing bucket means to it.
 *
 * Invariants:
 * 1. Everything handed out is a copy.
 * 2. Entries are copied before user code runs, a stretch at a time: those of one view are the same, whatever that code does meanwhile.
 *    `stretch` itself says nothing any more then: each read fills it anew.
 * 3. Between two calls neither `found` nor `stretch` holds bytes of a source, which may be a block of a gibibyte or a memtable that is gone.
 * 4. A walk that calls user code, or that is given to the user, registers its view until it ends, or lives in an open section.
 */
import type { BytesInput, IterateOptions, RangeResult } from '../api.js';
import { invalidArgument, VarveError } from '../errors.js';
import { equalBytes } from '../format/bytes.js';
import type { FoundValue } from '../format/entry-cursor.js';
import { Stretch, stretchEntriesMax } from '../format/stretch.js';
import type { Bucket } from '../engine/bucket-catalog.js';
import type { Engine } from '../engine/engine.js';
import { type KeyRange, RangeCursor } from '../engine/range-cursor.js';
import { describe } from '../options.js';
import { EntryIterator } from './entry-iterator.js';
import { copyOut, copyStretch } from './copies.js';
import { checkFunction, KeyScratch, resultLimit, toBytes } from './input.js';
import { internalBounds, pointRange } from './key-bounds.js';

/** A transaction, as its reads see it. */
export interface ReadScope {
  /** Throws where the transaction may not be read through now. */
  check(): void;
  /** The sequence at which it reads now. */
  readonly viewSequence: number;
  /** A number that changes when what began under it (a section) has ended; walks end with it. */
  readonly epoch: number;
  /** Whether range and get throw VARVE_BUCKET_NOT_FOUND for a bucket that is not there. */
  readonly requiresBucket: boolean;
  /** Whether old versions stay for its view without being registered: an open section. */
  readonly holdsView: boolean;
}

/** The error for a bucket that is not there; `nameKey` is its name as a string of bytes (latin1). */
export function bucketNotFound(nameKey: string): VarveError {
  const shown = /^[\x20-\x7e]{1,60}$/.test(nameKey) ? JSON.stringify(nameKey) : `of ${nameKey.length} bytes`;
  return new VarveError('VARVE_BUCKET_NOT_FOUND', `there is no bucket ${shown}`);
}

const noBytes = Buffer.alloc(0);

export class Reader {
  private readonly found: FoundValue = { bytes: noBytes, start: 0, end: 0 };
  private readonly scratch = new KeyScratch();
  private readonly stretch = new Stretch();

  constructor(
    private readonly engine: Engine,
    private readonly takesEmptyKeys: boolean,
  ) {}

  /** The bucket of that name which the scope sees, or undefined. */
  bucket(scope: ReadScope, name: BytesInput): Bucket | undefined {
    return this.engine.parts.catalog.find(bucketNameKey(name), scope.viewSequence);
  }

  get(scope: ReadScope, name: BytesInput, key: BytesInput): Buffer | undefined {
    scope.check();
    const bucket = this.bucketFor(scope, name);
    if (bucket === undefined) {
      toBytes(key, 'key');
      return undefined;
    }
    const end = this.scratch.encode(bucket.prefix, key);
    if (end <= bucket.prefix.length && !(this.takesEmptyKeys && end >= 0)) return undefined;
    const { found } = this;
    if (!this.engine.reads.get(this.scratch.bytes, end, scope.viewSequence, found)) return undefined;
    const value = copyOut(found.bytes, found.start, found.end);
    found.bytes = noBytes;
    return value;
  }

  range(
    scope: ReadScope,
    name: BytesInput,
    key: BytesInput,
    endKey: BytesInput | null | undefined,
    limit: number | undefined,
  ): RangeResult {
    scope.check();
    const most = resultLimit(limit);
    if (endKey === undefined || endKey === null || endKey.length === 0) {
      if (endKey !== undefined && endKey !== null) toBytes(endKey, 'endKey');
      const value = this.get(scope, name, key);
      return value === undefined ? { keys: [], vals: [] } : { keys: [Buffer.from(toBytes(key, 'key'))], vals: [value] };
    }
    const from = toBytes(key, 'key');
    const to = toBytes(endKey, 'endKey');
    const bucket = this.bucketFor(scope, name);
    const result: RangeResult = { keys: [], vals: [] };
    if (bucket === undefined) return result;
    const walk = this.walk(bucket, pointRange(bucket, from, to), false, scope.viewSequence);
    const { keys, vals } = result;
    while (keys.length < most && walk.nextStretch(this.stretch, most - keys.length) !== undefined)
      copyStretch(this.stretch, bucket.prefix.length, keys, vals, keys.length);
    return result;
  }

  forEach(scope: ReadScope, name: BytesInput, visitor: (key: Buffer, value: Buffer) => void): void {
    scope.check();
    checkFunction(visitor, 'visitor');
    const { viewSequence, epoch } = scope;
    const bucket = this.bucket(scope, name);
    if (bucket === undefined) return;
    const { views } = this.engine.parts;
    if (!scope.holdsView) views.register(viewSequence);
    try {
      const walk = this.walk(bucket, { lower: bucket.prefix, upper: bucket.end }, false, viewSequence);
      const keys: Buffer[] = [];
      const values: Buffer[] = [];
      for (;;) {
        const last = walk.nextStretch(this.stretch, stretchEntriesMax);
        if (last === undefined) return;
        const { count } = this.stretch;
        walk.rememberKey(last);
        copyStretch(this.stretch, bucket.prefix.length, keys, values, 0);
        for (let i = 0; i < count; i++) {
          const value = values[i] as Buffer;
          values[i] = noBytes;
          visitor(keys[i] as Buffer, value);
          scope.check();
          if (scope.epoch !== epoch) throw new VarveError('VARVE_TX_NOT_LOCKED', 'the section of this walk has ended');
        }
      }
    } finally {
      if (!scope.holdsView) views.release(viewSequence);
    }
  }

  iterate(scope: ReadScope, name: BytesInput, options: IterateOptions = {}): IterableIterator<[key: Buffer, value: Buffer]> {
    scope.check();
    if (typeof options !== 'object' || options === null)
      throw invalidArgument(`the options of iterate are an object, not ${describe(options)}`);
    const { reverse = false, limit } = options;
    if (typeof reverse !== 'boolean') throw invalidArgument(`reverse is true or false, not ${describe(reverse)}`);
    const most = resultLimit(limit);
    const bucket = this.bucket(scope, name);
    const range = internalBounds(bucket, options);
    const walk = bucket === undefined || range === undefined ? undefined : this.walk(bucket, range, reverse, scope.viewSequence);
    return new EntryIterator(scope, walk, bucket?.prefix.length ?? 0, most, this.engine.parts.views, this.stretch);
  }

  buckets(scope: ReadScope): Buffer[] {
    scope.check();
    return this.engine.parts.catalog.list(scope.viewSequence).map((bucket) => Buffer.from(bucket.name));
  }

  private bucketFor(scope: ReadScope, name: BytesInput): Bucket | undefined {
    const nameKey = bucketNameKey(name);
    const bucket = this.engine.parts.catalog.find(nameKey, scope.viewSequence);
    if (bucket === undefined && scope.requiresBucket) throw bucketNotFound(nameKey);
    return bucket;
  }

  private walk(bucket: Bucket, range: KeyRange, reverse: boolean, viewSequence: number): RangeCursor {
    return new RangeCursor(this.engine.reads, bucket, range, reverse, viewSequence);
  }
}

/** Names up to this length are compared with the last one by a loop. */
const shortNameBytes = 32;
/** The last name that came as bytes: most calls name the same bucket as the one before. */
const lastName = { bytes: new Uint8Array(0), key: '' };

/** The name of a bucket as the catalogue's key: its bytes as a latin1 string. */
export function bucketNameKey(name: BytesInput): string {
  if (typeof name === 'string') {
    for (let i = 0; i < name.length; i++) if (name.charCodeAt(i) >= 0x80) return Buffer.from(name, 'utf8').toString('latin1');
    return name;
  }
  const bytes = toBytes(name, 'bucket');
  const { length } = bytes;
  if (length <= shortNameBytes && equalBytes(bytes, 0, length, lastName.bytes, 0, lastName.bytes.length)) return lastName.key;
  const key = Buffer.from(bytes.buffer, bytes.byteOffset, length).toString('latin1');
  if (length <= shortNameBytes) {
    lastName.bytes = new Uint8Array(bytes);
    lastName.key = key;
  }
  return key;
}
