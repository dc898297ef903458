/**
 * Ways in which the bytes of one file change without anybody meaning it.
 */
import { fileOf, type Image } from './image.js';

/** One hurt file. */
export interface Hurt {
  /** In words, to find it again. */
  readonly what: string;
  readonly bytes: Uint8Array;
}

/** The kinds, each a table of what it does at one place. */
export const hurtKinds = ['bit', 'truncation', 'extension', 'page', 'exchange'] as const;
export type HurtKind = (typeof hurtKinds)[number];

const pageSizes = [512, 4096];

interface Plan {
  readonly count: number;
  at(place: number): Hurt | undefined;
}

function changed(bytes: Uint8Array, change: (copy: Uint8Array) => void): Uint8Array {
  const copy = bytes.slice();
  change(copy);
  return copy;
}

const joined = (...pieces: Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(pieces));

function bits(bytes: Uint8Array): Plan {
  const flip = (place: number) => (copy: Uint8Array) => {
    copy[place >> 3] = (copy[place >> 3] as number) ^ (1 << (place & 7));
  };
  return {
    count: bytes.length * 8,
    at: (place) => ({ what: `bit ${place & 7} of byte ${place >> 3}`, bytes: changed(bytes, flip(place)) }),
  };
}

function truncations(bytes: Uint8Array): Plan {
  return { count: bytes.length, at: (length) => ({ what: `cut to ${length} bytes`, bytes: bytes.slice(0, length) }) };
}

/** Zeros, noise, its own beginning, its own end, all of another file behind it. */
function extensions(bytes: Uint8Array, others: readonly Uint8Array[]): Plan {
  const noise = Uint8Array.from({ length: 5000 }, (_, i) => (Math.imul(i + 1, 2_654_435_761) >>> 13) & 255);
  const tails = [1, 7, 8, 40, 64, 512, 4096].flatMap((length) => [
    { what: `${length} zeros behind it`, bytes: new Uint8Array(length) },
    { what: `${length} bytes of noise behind it`, bytes: noise.subarray(0, length) },
    { what: `its first ${length} bytes behind it`, bytes: bytes.subarray(0, length) },
    { what: `its last ${length} bytes behind it`, bytes: bytes.subarray(Math.max(0, bytes.length - length)) },
  ]);
  tails.push(...others.map((other, i) => ({ what: `other file ${i} behind it`, bytes: other })));
  return {
    count: tails.length,
    at(place) {
      const tail = tails[place];
      return tail === undefined ? undefined : { what: tail.what, bytes: joined(bytes, tail.bytes) };
    },
  };
}

/** Pages zeroed, left out, doubled, and exchanged with another page of the file. */
function pages(bytes: Uint8Array): Plan {
  const hurts: (() => Hurt)[] = [];
  for (const size of pageSizes) {
    for (let at = 0; at < bytes.length; at += size) {
      const page = bytes.slice(at, at + size);
      const rest = bytes.slice(at + size);
      hurts.push(
        () => ({ what: `page of ${size} at ${at} zeroed`, bytes: changed(bytes, (copy) => copy.fill(0, at, at + size)) }),
        () => ({ what: `page of ${size} at ${at} left out`, bytes: joined(bytes.slice(0, at), rest) }),
        () => ({ what: `page of ${size} at ${at} doubled`, bytes: joined(bytes.slice(0, at), page, page, rest) }),
      );
      for (let other = at + size; other + size <= bytes.length; other += size) {
        const swap = (copy: Uint8Array): void => {
          copy.set(bytes.subarray(other, other + size), at);
          copy.set(page, other);
        };
        hurts.push(() => ({ what: `pages of ${size} at ${at} and ${other} exchanged`, bytes: changed(bytes, swap) }));
      }
    }
  }
  return { count: hurts.length, at: (place) => hurts[place]?.() };
}

/** Pages, and the whole, taken from other files of the database. */
function exchanges(bytes: Uint8Array, others: readonly Uint8Array[]): Plan {
  const hurts: (() => Hurt)[] = [];
  others.forEach((other, i) => {
    hurts.push(() => ({ what: `the whole of other file ${i} in its place`, bytes: other }));
    for (const size of pageSizes) {
      for (let at = 0; at < Math.min(bytes.length, other.length); at += size) {
        const piece = other.subarray(at, Math.min(at + size, bytes.length));
        hurts.push(() => ({
          what: `page of ${size} at ${at} from other file ${i}`,
          bytes: changed(bytes, (copy) => copy.set(piece, at)),
        }));
      }
    }
  });
  return { count: hurts.length, at: (place) => hurts[place]?.() };
}

function planOf(kind: HurtKind, image: Image, name: string): Plan {
  const bytes = fileOf(image, name);
  const others = [...image].filter(([other, content]) => other !== name && content.length > 0).map(([, content]) => content);
  switch (kind) {
    case 'bit':
      return bits(bytes);
    case 'truncation':
      return truncations(bytes);
    case 'extension':
      return extensions(bytes, others);
    case 'page':
      return pages(bytes);
    case 'exchange':
      return exchanges(bytes, others);
  }
}

/** All hurts of a kind to one file, or `atMost` of them by chance, the first and the last among them. */
export function* hurtsOf(kind: HurtKind, image: Image, name: string, atMost: number, random: () => number): Generator<Hurt> {
  const { count, at } = planOf(kind, image, name);
  const places = count <= atMost ? Array.from({ length: count }, (_, i) => i) : [0, count - 1];
  while (places.length < Math.min(count, atMost)) places.push(Math.floor(random() * count));
  for (const place of places) {
    const hurt = at(place);
    if (hurt !== undefined) yield hurt;
  }
}
