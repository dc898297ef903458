/**
 * XXH32 with seed 0 over a byte range, in JavaScript (algorithm: Yann Collet, the xxHash specification).
 *
 * One hash of the internal key is computed per lookup and serves the memtable and the filters of all tables. For keys of
 * tens of bytes this is several times faster than a call into WebAssembly.
 */
const prime1 = 0x9e3779b1 | 0;
const prime2 = 0x85ebca77 | 0;
const prime3 = 0xc2b2ae3d | 0;
const prime4 = 0x27d4eb2f | 0;
const prime5 = 0x165667b1 | 0;

function word(bytes: Uint8Array, at: number): number {
  return (
    (bytes[at] as number) |
    ((bytes[at + 1] as number) << 8) |
    ((bytes[at + 2] as number) << 16) |
    ((bytes[at + 3] as number) << 24)
  );
}

function round(accumulator: number, input: number): number {
  const mixed = (accumulator + Math.imul(input, prime2)) | 0;
  return Math.imul((mixed << 13) | (mixed >>> 19), prime1);
}

/** The hash of bytes[start, end) as an unsigned 32-bit number. */
export function hashKey(bytes: Uint8Array, start: number, end: number): number {
  let at = start;
  let hash: number;
  if (end - start >= 16) {
    let a = (prime1 + prime2) | 0;
    let b = prime2;
    let c = 0;
    let d = -prime1 | 0;
    for (const last = end - 16; at <= last; at += 16) {
      a = round(a, word(bytes, at));
      b = round(b, word(bytes, at + 4));
      c = round(c, word(bytes, at + 8));
      d = round(d, word(bytes, at + 12));
    }
    hash = (((a << 1) | (a >>> 31)) + ((b << 7) | (b >>> 25)) + ((c << 12) | (c >>> 20)) + ((d << 18) | (d >>> 14))) | 0;
  } else {
    hash = prime5;
  }
  hash = (hash + (end - start)) | 0;
  for (; at + 4 <= end; at += 4) {
    hash = (hash + Math.imul(word(bytes, at), prime3)) | 0;
    hash = Math.imul((hash << 17) | (hash >>> 15), prime4);
  }
  for (; at < end; at++) {
    hash = (hash + Math.imul(bytes[at] as number, prime5)) | 0;
    hash = Math.imul((hash << 11) | (hash >>> 21), prime1);
  }
  hash = Math.imul(hash ^ (hash >>> 15), prime2);
  hash = Math.imul(hash ^ (hash >>> 13), prime3);
  return (hash ^ (hash >>> 16)) >>> 0;
}
