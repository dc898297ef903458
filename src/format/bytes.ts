/**
 * Byte strings: order, equality, prefixes. Order is by unsigned bytes, a proper prefix before what it begins.
 *
 * The loops are plain on purpose: for the keys of this engine (tens of bytes that differ early) a loop is faster than a
 * call into the runtime.
 */

/** Negative, zero or positive as a[aStart, aEnd) sorts before, with or after b[bStart, bEnd). */
export function compareBytes(a: Uint8Array, aStart: number, aEnd: number, b: Uint8Array, bStart: number, bEnd: number): number {
  const aLength = aEnd - aStart;
  const bLength = bEnd - bStart;
  const length = aLength < bLength ? aLength : bLength;
  for (let i = 0; i < length; i++) {
    const difference = (a[aStart + i] as number) - (b[bStart + i] as number);
    if (difference !== 0) return difference;
  }
  return aLength - bLength;
}

/** As compareBytes, over whole arrays. */
export function compareKeys(a: Uint8Array, b: Uint8Array): number {
  return compareBytes(a, 0, a.length, b, 0, b.length);
}

/** Whether two byte strings are the same. */
export function equalBytes(a: Uint8Array, aStart: number, aEnd: number, b: Uint8Array, bStart: number, bEnd: number): boolean {
  const length = aEnd - aStart;
  if (length !== bEnd - bStart) return false;
  for (let i = 0; i < length; i++) {
    if (a[aStart + i] !== b[bStart + i]) return false;
  }
  return true;
}

/** Length of the longest common prefix of a[aStart, aEnd) and b[bStart, bEnd). */
export function commonPrefixLength(
  a: Uint8Array,
  aStart: number,
  aEnd: number,
  b: Uint8Array,
  bStart: number,
  bEnd: number,
): number {
  const length = Math.min(aEnd - aStart, bEnd - bStart);
  let i = 0;
  while (i < length && a[aStart + i] === b[bStart + i]) i++;
  return i;
}

/** Rounds up to the next multiple of 8, which is the alignment of records and sections. */
export function alignUp8(length: number): number {
  return Math.ceil(length / 8) * 8;
}
