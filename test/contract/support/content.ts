/**
 * Writing and reading whole buckets, in the shape in which tests compare them: latin1 strings, one character a byte.
 */
import type { Backend, BytesInput, RangeResult, ReadTx } from 'varve';

/** Key and value, one character a byte. */
export type Pair = [key: string, value: string];

/** Bytes as a string of one character each. */
export function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
}

/** The bytes of such a string. */
export function bytes(characters: string): Buffer {
  return Buffer.from(characters, 'latin1');
}

/** One section that creates the bucket and puts the pairs into it. */
export function putAll(backend: Backend, bucket: BytesInput, pairs: Iterable<readonly [BytesInput, BytesInput]>): void {
  backend.update((tx) => {
    tx.unsafeCreateBucket(bucket);
    for (const [key, value] of pairs) tx.unsafePut(bucket, key, value);
  });
}

/** One section that deletes the keys. */
export function deleteAll(backend: Backend, bucket: BytesInput, keys: Iterable<BytesInput>): void {
  backend.update((tx) => {
    for (const key of keys) tx.unsafeDelete(bucket, key);
  });
}

/** A bucket in the order in which forEach visits it. */
export function pairsOf(reader: ReadTx, bucket: BytesInput): Pair[] {
  const pairs: Pair[] = [];
  reader.unsafeForEach(bucket, (key, value) => {
    pairs.push([latin1(key), latin1(value)]);
  });
  return pairs;
}

/** Every bucket in order, with its pairs. */
export function everything(reader: ReadTx): [bucket: string, pairs: Pair[]][] {
  return reader.unsafeBuckets().map((name) => [latin1(name), pairsOf(reader, name)]);
}

/** Everything that is unlocked, over one view. */
export function unlockedContent(backend: Backend): [bucket: string, pairs: Pair[]][] {
  return backend.view((tx) => everything(tx));
}

/** A range result as pairs. */
export function rangePairs(result: RangeResult): Pair[] {
  if (result.keys.length !== result.vals.length) throw new Error('a range gives as many values as keys');
  return result.keys.map((key, index) => [latin1(key), latin1(result.vals[index] as Buffer)]);
}

/** The keys of a range result. */
export function rangeKeys(result: RangeResult): string[] {
  return rangePairs(result).map(([key]) => key);
}

/** What an iteration gives, as pairs. */
export function iterated(iterator: Iterable<[Buffer, Buffer]>): Pair[] {
  const pairs: Pair[] = [];
  for (const [key, value] of iterator) pairs.push([latin1(key), latin1(value)]);
  return pairs;
}

/** `count` pairs in key order: `prefix00000` … with values of `valueBytes` bytes that differ and do not compress to nothing. */
export function numbered(count: number, valueBytes = 10, prefix = 'key'): Pair[] {
  const pairs: Pair[] = [];
  for (let index = 0; index < count; index++) {
    let state = index + 1;
    let value = `${index}:`;
    while (value.length < valueBytes) {
      state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
      value += String.fromCharCode(33 + ((state >>> 16) % 94));
    }
    pairs.push([`${prefix}${String(index).padStart(5, '0')}`, value.slice(0, Math.max(valueBytes, 1))]);
  }
  return pairs;
}
