/**
 * A growing buffer that small structures are encoded into.
 *
 * A varint is a whole number from 0 to 2^53 - 1 in groups of 7 bits, the lowest first, bit 7 set in every byte but the last:
 *   300 = 0b10_0101100 → | 1010_1100 | 0000_0010 |
 * A byte string is its length as a varint, then its bytes.
 *
 * **Invariants:**
 * 1. One value has one encoding, the shortest; ByteReader refuses any other.
 */
import { assert } from '../errors.js';
import { alignUp8 } from './bytes.js';

/** Longest varint: 53 bits in groups of 7. */
export const varintBytesMax = 8;

const initialBytes = 256;

/** Appends values; `finish` gives the bytes. */
export class ByteWriter {
  #bytes = new Uint8Array(initialBytes);
  #length = 0;

  /** Bytes written so far. */
  get length(): number {
    return this.#length;
  }

  /** One byte, 0 to 255. */
  byte(value: number): void {
    this.#reserve(1);
    this.#bytes[this.#length++] = value;
  }

  /** A whole number from 0 to 2^53 - 1, in 1 to 8 bytes. */
  varint(value: number): void {
    assert(Number.isSafeInteger(value) && value >= 0, 'a varint is a whole number from 0 to 2^53 - 1');
    this.#reserve(varintBytesMax);
    let rest = value;
    while (rest >= 0x80) {
      this.#bytes[this.#length++] = (rest % 0x80) | 0x80;
      rest = Math.floor(rest / 0x80);
    }
    this.#bytes[this.#length++] = rest;
  }

  /** A byte string with its length before it. Copies. */
  byteString(value: Uint8Array): void {
    this.varint(value.length);
    this.#reserve(value.length);
    this.#bytes.set(value, this.#length);
    this.#length += value.length;
  }

  /** Zeros up to the next multiple of 8. */
  padTo8(): void {
    const end = alignUp8(this.#length);
    this.#reserve(end - this.#length);
    this.#bytes.fill(0, this.#length, end);
    this.#length = end;
  }

  /** A view of what was written; valid until the next call. */
  finish(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  #reserve(bytes: number): void {
    const needed = this.#length + bytes;
    if (needed <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(needed, this.#bytes.length * 2));
    grown.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = grown;
  }
}
