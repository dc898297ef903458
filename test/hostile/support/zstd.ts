/**
 * Zstandard frames made by hand (RFC 8878): small ones that unfold to much, and ones whose header lies.
 *
 * | magic | descriptor u8 | window u8? | dictionary id | content bytes | blocks: header of 3 bytes, content |
 */

/** What the header says; absent: nothing. */
export interface FrameClaims {
  /** Log of the window in bytes: 10 to 41. */
  readonly windowLog?: number;
  readonly contentBytes?: bigint;
  readonly dictionaryId?: number;
}

const runBytesMax = 128 * 1024;

function block(type: 0 | 1, isLast: boolean, bytes: number, content: Uint8Array): Buffer {
  const header = (isLast ? 1 : 0) | (type << 1) | (bytes << 3);
  return Buffer.concat([Buffer.from([header & 255, (header >> 8) & 255, header >> 16]), content]);
}

function headerOf({ windowLog = 20, contentBytes, dictionaryId }: FrameClaims): Buffer {
  const descriptor = (contentBytes === undefined ? 0 : 0xc0) | (dictionaryId === undefined ? 0 : 1);
  const header = Buffer.from([0x28, 0xb5, 0x2f, 0xfd, descriptor, (windowLog - 10) << 3]);
  const dictionary = dictionaryId === undefined ? Buffer.alloc(0) : Buffer.from([dictionaryId]);
  const content = Buffer.alloc(contentBytes === undefined ? 0 : 8);
  if (contentBytes !== undefined) content.writeBigUInt64LE(contentBytes);
  return Buffer.concat([header, dictionary, content]);
}

/** A frame of exactly `length` bytes: runs of zeros, each of 4 bytes that unfold to 128 KiB, and what is left over as it is. */
export function bomb(length: number, claims: FrameClaims): Buffer {
  const header = headerOf(claims);
  const left = length - header.length - 3;
  const runs = Array.from({ length: Math.floor(left / 4) }, () => block(1, false, runBytesMax, Buffer.alloc(1)));
  return Buffer.concat([header, ...runs, block(0, true, left % 4, Buffer.alloc(left % 4))]);
}
