/**
 * What docs/format.md calls basic types, and its one checksum. Written from that page alone: nothing here comes from src.
 */
import xxhash from 'xxhash-wasm';

const { h32Raw, h64Raw } = await xxhash();

/** XXH64, seed 0. */
export const xxh64 = (bytes: Uint8Array): bigint => h64Raw(bytes);

/** XXH32, seed 0. */
export const xxh32 = (bytes: Uint8Array): number => h32Raw(bytes);

/** The low half of XXH64. */
export const xxh64Low = (bytes: Uint8Array): number => Number(xxh64(bytes) & 0xffff_ffffn);

/** The first way in which a file is not as the page says. */
export function check(condition: boolean, message: string): asserts condition {
  if (!condition) throw new Error(message);
}

/** Numbers at fixed places, and one after the other. Reading beyond the end throws a RangeError. */
export class Bytes {
  private readonly view: DataView;
  at = 0;

  constructor(readonly bytes: Uint8Array) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  u8 = (at: number): number => this.view.getUint8(at);
  u16 = (at: number): number => this.view.getUint16(at, true);
  u32 = (at: number): number => this.view.getUint32(at, true);
  u64 = (at: number): bigint => this.view.getBigUint64(at, true);
  f64 = (at: number): number => this.view.getFloat64(at, true);

  slice(from: number, to: number): Uint8Array {
    check(from >= 0 && from <= to && to <= this.bytes.length, `no bytes ${from} to ${to} of ${this.bytes.length}`);
    return this.bytes.slice(from, to);
  }

  text(from: number, to: number): string {
    return Buffer.from(this.slice(from, to)).toString('latin1');
  }

  byte(): number {
    return this.u8(this.at++);
  }

  varint(): number {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const group = this.byte();
      value += (group % 128) * scale;
      if (group < 128) return value;
    }
  }

  byteString(): string {
    const length = this.varint();
    this.at += length;
    return this.text(this.at - length, this.at);
  }
}

/** Several byte strings, one after the other. */
export const joined = (...pieces: Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(pieces));

/** A number as f64 or u64 bytes. */
export function f64Bytes(value: number): Uint8Array {
  return new Uint8Array(new Float64Array([value]).buffer);
}

export function u64Bytes(value: bigint): Uint8Array {
  return new Uint8Array(new BigUint64Array([value]).buffer);
}
