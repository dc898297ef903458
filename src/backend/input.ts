/**
 * Arguments of the public calls: checked, and turned into the bytes that the engine works with.
 *
 * Invariants:
 * 1. A key is encoded into one scratch buffer, behind its bucket's prefix; it is valid until the next key is encoded.
 * 2. Nothing of the caller's is kept or changed.
 */
import { isUint8Array } from 'node:util/types';
import type { BytesInput } from '../api.js';
import { invalidArgument, VarveError } from '../errors.js';
import { bucketPrefixBytesMax, keyBytesMax, valueBytesMax } from '../limits.js';
import { describe } from '../options.js';

/** Strings up to this length are encoded by a loop as long as they are ASCII. */
const shortString = 40;

/** Whether a value is a string or bytes, those of another realm included. */
export function isBytesInput(value: unknown): value is BytesInput {
  // The view is asked first: it refuses objects that only inherit from Uint8Array, and costs nothing.
  return typeof value === 'string' || (ArrayBuffer.isView(value) && (value instanceof Uint8Array || isUint8Array(value)));
}

/** Refuses what is neither a string nor bytes. */
export function checkBytes(value: unknown, name: string): asserts value is BytesInput {
  if (!isBytesInput(value)) throw invalidArgument(`${name} is a string or a Uint8Array, not ${describe(value)}`);
}

/** The bytes of an argument: the caller's own where they are bytes, new ones for a string. */
export function toBytes(value: BytesInput, name: string): Uint8Array {
  checkBytes(value, name);
  return typeof value === 'string' ? Buffer.from(value, 'utf8') : value;
}

/** Length in bytes of an argument that was checked. */
export function byteLength(value: BytesInput): number {
  return typeof value === 'string' ? Buffer.byteLength(value, 'utf8') : value.length;
}

/** Refuses what cannot be called. */
export function checkFunction(value: unknown, name: string): void {
  if (typeof value !== 'function') throw invalidArgument(`${name} is a function, not ${describe(value)}`);
}

/** A limit of results as a number: absent, 0 or below means all. */
export function resultLimit(limit: number | undefined): number {
  if (limit === undefined) return Number.POSITIVE_INFINITY;
  if (typeof limit !== 'number' || Number.isNaN(limit) || (Number.isFinite(limit) && !Number.isInteger(limit))) {
    throw invalidArgument(`limit is a whole number, not ${describe(limit)}`);
  }
  return limit <= 0 ? Number.POSITIVE_INFINITY : limit;
}

/** Refuses a key or value that is too long, or a key that is too short. `VARVE_LIMIT`. */
export function checkPutLimits(keyBytes: number, valueBytes: number, keyBytesMin: number): void {
  if (keyBytes < keyBytesMin || keyBytes > keyBytesMax) {
    throw new VarveError(
      'VARVE_LIMIT',
      `a key has ${keyBytesMin} to ${keyBytesMax} bytes, not ${keyBytes > keyBytesMax ? `more (${keyBytes})` : '0'}`,
    );
  }
  if (valueBytes > valueBytesMax)
    throw new VarveError('VARVE_LIMIT', `a value has at most ${valueBytesMax} bytes, not ${valueBytes}`);
}

/** Internal keys of point calls. */
export class KeyScratch {
  /** The internal key that was encoded last: bytes[0, end). */
  readonly bytes = Buffer.allocUnsafeSlow(bucketPrefixBytesMax + keyBytesMax);

  /** Encodes prefix and key; returns the end of the internal key, or -1 where the key is longer than any key that exists. */
  encode(prefix: Uint8Array, key: BytesInput): number {
    const { bytes } = this;
    const start = prefix.length;
    for (let i = 0; i < start; i++) bytes[i] = prefix[i] as number;
    if (typeof key === 'string') return this.encodeString(start, key);
    checkBytes(key, 'key');
    const { length } = key;
    if (length > keyBytesMax) return -1;
    if (length > 64) bytes.set(key, start);
    else for (let i = 0; i < length; i++) bytes[start + i] = key[i] as number;
    return start + length;
  }

  private encodeString(start: number, key: string): number {
    const { bytes } = this;
    const { length } = key;
    if (length <= shortString) {
      let i = 0;
      for (; i < length; i++) {
        const unit = key.charCodeAt(i);
        if (unit >= 0x80) break;
        bytes[start + i] = unit;
      }
      if (i === length) return start + length;
    }
    if (length > keyBytesMax || Buffer.byteLength(key, 'utf8') > keyBytesMax) return -1;
    return start + bytes.write(key, start, 'utf8');
  }
}
