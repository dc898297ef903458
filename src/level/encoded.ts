/**
 * Encoded keys and values: what abstract-level passes to a store and expects from it, in one of three formats.
 *
 * | format | in            | out                                    |
 * | utf8   | string        | string                                 |
 * | buffer | Buffer        | Buffer of the caller's own              |
 * | view   | Uint8Array    | Buffer of the caller's own, which is one |
 */
import { copyOut } from '../backend/copies.js';

export type Format = 'utf8' | 'buffer' | 'view';

/** A key or value on its way in. */
export type EncodedInput = string | Uint8Array;

/** A key or value on its way out. */
export type Encoded = string | Buffer;

/** Node's own, which works on any Uint8Array, shared memory included, and makes no view on the way. */
const { utf8Slice } = Buffer.prototype as unknown as { utf8Slice(this: Uint8Array, start: number, end: number): string };

/** A byte range of the engine's in the format that was asked for. Keeps nothing of it. */
export function readEncoded(format: Format, bytes: Uint8Array, start: number, end: number): Encoded {
  return format === 'utf8' ? utf8Slice.call(bytes, start, end) : copyOut(bytes, start, end);
}

/** The bytes of an encoded key. */
export function encodedBytes(key: EncodedInput): Uint8Array {
  return typeof key === 'string' ? Buffer.from(key, 'utf8') : key;
}
