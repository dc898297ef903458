/**
 * The outer shape of a Zstandard frame, read without decompressing (RFC 8878, section 3.1.1).
 *
 * | magic 28 b5 2f fd | descriptor u8 | window u8? | dictionary id 0–4 | content bytes 0–8 | blocks … | checksum u32? |
 *
 * A block is a header of three bytes (bit 0: last; bits 1–2: raw, run, compressed; the rest: size) and its content.
 *
 * Decompressors accept several frames in a row and add up what they yield, and some allocate what a header claims. Both are
 * excluded here, before the codec sees a byte.
 *
 * Invariants:
 * 1. Time is linear in the number of blocks, no memory is allocated, and no byte outside `source` is read.
 */

const headerBytesMin = 6;
const blockHeaderBytes = 3;
/** A window above this is refused: blocks are at most 4 MiB, and a codec that streams allocates the window. */
const windowLogMax = 23;
const dictionaryIdBytes = [0, 1, 2, 4] as const;

/** Whether `source` is exactly one frame, to its last byte, which does not claim to hold anything but `rawBytes` bytes. */
export function isSingleFrame(source: Uint8Array, rawBytes: number): boolean {
  if (source.length < headerBytesMin) return false;
  if (source[0] !== 0x28 || source[1] !== 0xb5 || source[2] !== 0x2f || source[3] !== 0xfd) return false;
  const descriptor = source[4] as number;
  const isSingleSegment = (descriptor & 0x20) !== 0;
  let at = 5;
  if (!isSingleSegment) {
    if (10 + ((source[at] as number) >> 3) > windowLogMax) return false;
    at++;
  }
  at += dictionaryIdBytes[(descriptor & 3) as 0 | 1 | 2 | 3];
  const sizeFlag = descriptor >> 6;
  const sizeBytes = sizeFlag === 0 ? (isSingleSegment ? 1 : 0) : 1 << sizeFlag;
  if (at + sizeBytes > source.length) return false;
  if (sizeBytes > 0) {
    let claimed = sizeBytes === 2 ? 256 : 0;
    for (let i = sizeBytes - 1, scale = 256 ** i; i >= 0; i--, scale /= 256) claimed += (source[at + i] as number) * scale;
    if (claimed !== rawBytes) return false;
  }
  const end = endOfBlocks(source, at + sizeBytes);
  return end >= 0 && end + ((descriptor & 4) !== 0 ? 4 : 0) === source.length;
}

/** Where the last block ends, or -1 where the blocks reach beyond the source or have a reserved type. */
function endOfBlocks(source: Uint8Array, start: number): number {
  for (let at = start; at + blockHeaderBytes <= source.length;) {
    const header = (source[at] as number) | ((source[at + 1] as number) << 8) | ((source[at + 2] as number) << 16);
    const type = (header >> 1) & 3;
    if (type === 3) return -1;
    at += blockHeaderBytes + (type === 1 ? 1 : header >> 3);
    if ((header & 1) !== 0) return at <= source.length ? at : -1;
  }
  return -1;
}
