/**
 * Bytes of a file in memory that grow, and whose copies cost nothing until one of them is written to.
 *
 * **Invariants:**
 * 1. Bytes at and beyond the size are zeros.
 * 2. A buffer that two contents share, or that was lent by `lend`, is never written to: whoever writes takes a copy first.
 */

/** A write that can be applied again and again. */
export interface ContentWrite {
  readonly position: number;
  readonly bytes: Uint8Array;
  /** Size of the file afterwards. */
  readonly sizeBytes: number;
}

/** The bytes of a file at one time. */
export class Content {
  sizeBytes = 0;
  #bytes: Uint8Array = new Uint8Array(0);
  #isShared = false;

  /** Copies into `target` from `position`; returns the count of bytes. */
  read(target: Uint8Array, position: number): number {
    const end = Math.min(this.sizeBytes, position + target.length);
    if (position >= end) return 0;
    target.set(this.#bytes.subarray(position, end));
    return end - position;
  }

  /** The bytes, to be read for as long as one likes. */
  lend(): Uint8Array {
    this.#isShared = true;
    return this.#bytes.subarray(0, this.sizeBytes);
  }

  /** The buffer with room for `capacity` bytes, to be written to. Who writes beyond the size has to see to invariant 1. */
  reserve(capacity: number): Uint8Array {
    const isTooSmall = capacity > this.#bytes.length;
    if (!isTooSmall && !this.#isShared) return this.#bytes;
    const copy = new Uint8Array(isTooSmall ? Math.max(capacity, this.#bytes.length * 2, 1024) : this.#bytes.length);
    copy.set(this.#bytes);
    this.#bytes = copy;
    this.#isShared = false;
    return copy;
  }

  apply(write: ContentWrite): void {
    this.reserve(write.position + write.bytes.length).set(write.bytes, write.position);
    this.sizeBytes = write.sizeBytes;
  }

  /** Sets the size; what is cut off becomes zeros. */
  resize(sizeBytes: number): void {
    this.reserve(sizeBytes).fill(0, sizeBytes);
    this.sizeBytes = sizeBytes;
  }

  clone(): Content {
    const copy = new Content();
    copy.#bytes = this.#bytes;
    copy.sizeBytes = this.sizeBytes;
    copy.#isShared = this.#isShared = true;
    return copy;
  }
}
