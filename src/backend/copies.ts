/**
 * What is handed out: copies, as Buffers of the caller's own.
 *
 *   stretch   keys | k5 | k6 | k7 |   values | v5 | v6 | v7 |
 *   copy           | k5 | k6 | k7 | v5 | v6 | v7 |               one piece of memory, and a Buffer for each key and value in it
 *
 * To make a Buffer of its own for every key and value costs more than to copy it, so the entries of a stretch share one piece of memory. It
 * is taken where Node takes small Buffers from, a pool of some KiB: a key that is kept keeps no more alive than any small Buffer does.
 *
 * Invariants:
 * 1. No two Buffers that are handed out overlap, and none has bytes of the engine's.
 * 2. What is too large for the pool has memory of its own.
 */
import { type Stretch, stretchBytesMax } from '../format/stretch.js';

/** Up to this length a loop is faster than a call. */
const shortBytes = 32;

/** `copy` of Buffer, which works on any Uint8Array and is faster than `set` of a `subarray`. */
const copyBytes = Buffer.prototype.copy;

/** The class that Buffers are of, which makes one over a part of a buffer without the checks of `Buffer.from` and `subarray`. */
const BufferView = (
  Buffer as unknown as { [Symbol.species]: new (buffer: ArrayBufferLike, byteOffset: number, length: number) => Buffer }
)[Symbol.species];

/** A byte range as a Buffer of the caller's own. */
export function copyOut(bytes: Uint8Array, start: number, end: number): Buffer {
  const copy = Buffer.allocUnsafe(end - start);
  copyInto(copy, 0, bytes, start, end);
  return copy;
}

/**
 * The entries of a stretch, in its direction, as Buffers of the caller's own, without the first `skip` bytes of their keys: the first
 * goes to keys[at] and values[at]. No key is shorter than `skip`. The stretch lets go of the bytes of its source.
 */
export function copyStretch(stretch: Stretch, skip: number, keys: Buffer[], values: Buffer[], at: number): void {
  const { keyBytes, keyBounds, valueBytes, valueBounds, first, end, reverse } = stretch;
  const keysStart = keyBounds[first] as number;
  const keysEnd = keyBounds[end] as number;
  const valuesStart = valueBounds[first] as number;
  const valuesEnd = valueBounds[end] as number;
  const allKeysBytes = keysEnd - keysStart;
  stretch.release();
  const allBytes = allKeysBytes + valuesEnd - valuesStart;
  if (allBytes > stretchBytesMax) {
    // It is one entry: its key is not to keep its value alive.
    keys[at] = copyOut(keyBytes, keysStart + skip, keysEnd);
    values[at] = copyOut(valueBytes, valuesStart, valuesEnd);
    return;
  }
  const copy = Buffer.allocUnsafe(allBytes);
  copyInto(copy, 0, keyBytes, keysStart, keysEnd);
  copyInto(copy, allKeysBytes, valueBytes, valuesStart, valuesEnd);
  const { buffer, byteOffset } = copy;
  const toKey = byteOffset - keysStart;
  const toValue = byteOffset + allKeysBytes - valuesStart;
  const step = reverse ? -1 : 1;
  for (let n = reverse ? end - 1 : first, to = at; n >= first && n < end; n += step, to++) {
    const keyStart = (keyBounds[n] as number) + skip;
    const valueStart = valueBounds[n] as number;
    keys[to] = new BufferView(buffer, toKey + keyStart, (keyBounds[n + 1] as number) - keyStart);
    values[to] = new BufferView(buffer, toValue + valueStart, (valueBounds[n + 1] as number) - valueStart);
  }
}

function copyInto(copy: Buffer, at: number, bytes: Uint8Array, start: number, end: number): void {
  if (end - start <= shortBytes) for (let from = start, to = at; from < end; from++, to++) copy[to] = bytes[from] as number;
  else copyBytes.call(bytes, copy, at, start, end);
}
