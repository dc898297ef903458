/**
 * A cursor over bytes from a file that cannot read past their end. The encodings are those of ByteWriter.
 *
 * **Invariants:**
 * 1. Whatever the bytes are, every call returns a value in its documented range or throws VARVE_CORRUPTION with file and offset.
 * 2. Nothing is allocated that is larger than the bytes that remain.
 * 3. An encoding that ByteWriter would not have written (overlong, out of range) is refused.
 */
import { corruption } from '../errors.js';
import { varintBytesMax } from './byte-writer.js';

/** Reads values one after the other. */
export class ByteReader {
  readonly #bytes: Uint8Array;
  readonly #file: string;
  readonly #fileOffset: number;
  #at = 0;

  /** `fileOffset` is where `bytes` begins in `file`: both are for messages only. The bytes must not change. */
  constructor(bytes: Uint8Array, file: string, fileOffset: number) {
    this.#bytes = bytes;
    this.#file = file;
    this.#fileOffset = fileOffset;
  }

  /** Bytes that were not read yet. */
  get remaining(): number {
    return this.#bytes.length - this.#at;
  }

  /** One byte. `what` names the value in the message, here and below. */
  byte(what: string): number {
    if (this.remaining < 1) throw this.#refuse(`${what} is cut off`);
    return this.#bytes[this.#at++] as number;
  }

  /** One byte in which no bit outside `mask` is set. */
  bits(what: string, mask: number): number {
    const value = this.byte(what);
    if ((value & ~mask) !== 0) throw this.#refuse(`${what} has bits that are not known`);
    return value;
  }

  /** A whole number from 0 to `maximum`. */
  varint(what: string, maximum = Number.MAX_SAFE_INTEGER): number {
    let value = 0;
    let scale = 1;
    for (let length = 1; length <= varintBytesMax; length++) {
      const group = this.byte(what);
      value += (group & 0x7f) * scale;
      if (group < 0x80) {
        if (group === 0 && length > 1) throw this.#refuse(`${what} is encoded in more bytes than it needs`);
        if (value > maximum) throw this.#refuse(`${what} is above ${maximum}`);
        return value;
      }
      scale *= 0x80;
    }
    throw this.#refuse(`${what} is longer than ${varintBytesMax} bytes`);
  }

  /** A number of things that follow, each of at least `bytesEachMin` bytes: no more than what remains can hold. */
  count(what: string, bytesEachMin: number): number {
    const count = this.varint(what);
    if (count * bytesEachMin > this.remaining)
      throw this.#refuse(`${what} (${count}) is more than the bytes that follow can hold`);
    return count;
  }

  /** A byte string of at most `bytesMax` bytes, copied. */
  byteString(what: string, bytesMax: number): Uint8Array {
    const length = this.varint(`the length of ${what}`, bytesMax);
    if (length > this.remaining) throw this.#refuse(`${what} is cut off`);
    this.#at += length;
    return this.#bytes.slice(this.#at - length, this.#at);
  }

  /** The end of the structure: nothing remains but fewer than 8 zeros of padding. */
  end(): void {
    if (this.remaining >= 8) throw this.#refuse('bytes follow the end of the structure');
    for (; this.#at < this.#bytes.length; this.#at++) {
      if (this.#bytes[this.#at] !== 0) throw this.#refuse('the padding is not zero');
    }
  }

  #refuse(message: string): Error {
    return corruption(this.#file, this.#fileOffset + this.#at, message);
  }
}
