/**
 * The hash over the committed content: CRC-32C (Castagnoli), the number that etcd 3.4's Hash gives.
 *
 *   for each bucket in name order: its name, then for each key in order the key and the value; no separators, ignored keys left out
 *
 * It runs in slices of some milliseconds and lets the event loop go between them; its view is registered meanwhile.
 */
import type { IgnoreKey } from '../api.js';
import { invalidArgument } from '../errors.js';
import type { Engine } from '../engine/engine.js';
import { RangeCursor } from '../engine/range-cursor.js';
import { extendCrc32c } from '../format/crc32c.js';
import { describe } from '../options.js';
import { bucketNameKey } from './reader.js';

/** Entries between two looks at the clock, and the time after which others go first. */
const entriesPerLook = 256;
const sliceMs = 8;

/** Names and keys as strings of bytes, for the set of ignored keys. */
function ignoredKeys(ignores: Iterable<IgnoreKey> | undefined): ReadonlyMap<string, ReadonlySet<string>> {
  const ignored = new Map<string, Set<string>>();
  if (ignores === undefined) return ignored;
  if (typeof ignores !== 'object' || ignores === null || typeof ignores[Symbol.iterator] !== 'function') {
    throw invalidArgument(`the keys to ignore are an iterable of { bucket, key }, not ${describe(ignores)}`);
  }
  for (const ignore of ignores) {
    if (typeof ignore !== 'object' || ignore === null)
      throw invalidArgument(`a key to ignore is { bucket, key }, not ${describe(ignore)}`);
    const bucket = bucketNameKey(ignore.bucket);
    const keys = ignored.get(bucket) ?? new Set<string>();
    keys.add(bucketNameKey(ignore.key));
    ignored.set(bucket, keys);
  }
  return ignored;
}

/** The hash as an unsigned 32-bit number. `onProgress` is told how many entries were read, after each bucket and once in some milliseconds. */
export async function hashCommitted(
  engine: Engine,
  ignores: Iterable<IgnoreKey> | undefined,
  onProgress?: (entries: number) => void,
): Promise<number> {
  const ignored = ignoredKeys(ignores);
  const { views, catalog, health, clock } = engine.parts;
  const viewSequence = engine.committedSequence - 1;
  views.register(viewSequence);
  try {
    let hash = 0;
    let began = clock.now();
    let entries = 0;
    for (const bucket of catalog.list(viewSequence)) {
      hash = extendCrc32c(hash, bucket.name);
      const ignoredHere = ignored.get(bucket.nameKey);
      const skip = bucket.prefix.length;
      const walk = new RangeCursor(engine.reads, bucket, { lower: bucket.prefix, upper: bucket.end }, false, viewSequence);
      for (let entry = walk.next(); entry !== undefined; entry = walk.next()) {
        const key = entry.keyBytes.subarray(entry.keyStart + skip, entry.keyEnd);
        if (ignoredHere === undefined || !ignoredHere.has(Buffer.from(key).toString('latin1'))) {
          hash = extendCrc32c(hash, key);
          hash = extendCrc32c(hash, entry.valueBytes.subarray(entry.valueStart, entry.valueEnd));
        }
        if (++entries % entriesPerLook !== 0 || clock.now() - began < sliceMs) continue;
        walk.rememberKey(entry);
        onProgress?.(entries);
        await new Promise((resolve) => setImmediate(resolve));
        health.checkOpen();
        began = clock.now();
      }
      onProgress?.(entries);
    }
    return hash >>> 0;
  } finally {
    views.release(viewSequence);
  }
}
