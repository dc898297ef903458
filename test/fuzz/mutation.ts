/**
 * Changes of bytes that were right: fields at their extremes, flipped bits, parts cut, doubled, exchanged, or taken from elsewhere.
 *
 * What a field is the target says, by layout; the other changes know nothing of the bytes.
 */
import type { Chance } from './chance.js';

/** A number in the bytes, little-endian. */
export interface Field {
  readonly at: number;
  readonly kind: 'u8' | 'u16' | 'u32' | 'f64' | 'u64';
}

const bytesOf = { u8: 1, u16: 2, u32: 4, f64: 8, u64: 8 } as const;
const smallExtremes = [0, 1, 2, 7, 8, 15, 16, 40, 63, 64, 127, 128, 255, 256, 4095, 4096, 65_535, 65_536];
const largeExtremes = [2 ** 31 - 1, 2 ** 31, 2 ** 32 - 9, 2 ** 32 - 8, 2 ** 32 - 1, 1e9, 2 ** 30];
const doubles = [
  -1,
  -0,
  0.5,
  2 ** 32,
  2 ** 53 - 1,
  2 ** 53,
  2 ** 62,
  1e308,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
];

function setField(bytes: Uint8Array, { at, kind }: Field, chance: Chance): void {
  if (at < 0 || at + bytesOf[kind] > bytes.length) return;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const near = chance.pick([-8, -1, 1, 8]);
  if (kind === 'u8') view.setUint8(at, chance.oneIn(2) ? chance.below(256) : (view.getUint8(at) + near) & 0xff);
  else if (kind === 'u16')
    view.setUint16(at, chance.oneIn(2) ? chance.pick(smallExtremes) : (view.getUint16(at, true) + near) & 0xffff, true);
  else if (kind === 'u64')
    view.setBigUint64(at, chance.oneIn(2) ? BigInt(chance.pick(smallExtremes)) : ~view.getBigUint64(at, true), true);
  else {
    const now = kind === 'u32' ? view.getUint32(at, true) : view.getFloat64(at, true);
    const values = [
      now + near,
      now * 2,
      bytes.length,
      bytes.length - at,
      bytes.length + near,
      ...smallExtremes,
      ...largeExtremes,
    ];
    const value = chance.pick(kind === 'u32' ? values : [...values, ...doubles]);
    if (kind === 'u32') view.setUint32(at, value >>> 0, true);
    else view.setFloat64(at, value, true);
  }
}

/** A stretch of the bytes, mostly short, often at multiples of 8. */
function stretch(length: number, chance: Chance): [from: number, to: number] {
  const step = chance.pick([1, 1, 8, 40, 512]);
  const from = Math.min(length, chance.below(Math.floor(length / step) + 1) * step);
  return [from, Math.min(length, from + chance.between(1, chance.pick([1, 4, 8, 40, 64, 512])))];
}

function joined(...pieces: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(pieces));
}

/** One change of `bytes`, perhaps in place; `other` is another input of the same kind. */
function changed(bytes: Uint8Array, fields: readonly Field[], other: Uint8Array, chance: Chance): Uint8Array {
  if (fields.length > 0 && chance.below(10) < 5) {
    setField(bytes, chance.pick(fields), chance);
    return bytes;
  }
  const [from, to] = stretch(bytes.length, chance);
  switch (chance.below(9)) {
    case 0:
      return bytes.slice(0, from);
    case 1:
      return joined(bytes, chance.oneIn(2) ? chance.bytes(chance.between(1, 64)) : new Uint8Array(chance.between(1, 64)));
    case 2:
      return joined(bytes.subarray(0, from), bytes.subarray(to));
    case 3:
      return joined(bytes.subarray(0, to), bytes.subarray(from, to), bytes.subarray(to));
    case 4: {
      const [start] = stretch(bytes.length, chance);
      const length = Math.min(to - from, bytes.length - start);
      const piece = bytes.slice(from, from + length);
      bytes.copyWithin(from, start, start + length);
      bytes.set(piece, start);
      return bytes;
    }
    case 5:
      return joined(bytes.subarray(0, from), other.subarray(Math.min(from, other.length)));
    case 6:
      return bytes.fill(chance.pick([0, 0xff]), from, to);
    case 7:
      bytes.set(chance.bytes(to - from), from);
      return bytes;
    default:
      if (from < bytes.length) bytes[from] = (bytes[from] as number) ^ (1 << chance.below(8));
      return bytes;
  }
}

/** Some changes of a copy of `sample`; now and then something else altogether. */
export function mutated(sample: Uint8Array, fields: readonly Field[], other: Uint8Array, chance: Chance): Uint8Array {
  if (chance.oneIn(50)) return chance.bytes(chance.below(200));
  let bytes: Uint8Array = new Uint8Array(sample);
  for (let count = chance.between(1, chance.pick([1, 1, 2, 4])); count > 0; count--)
    bytes = changed(bytes, fields, other, chance);
  return bytes;
}
