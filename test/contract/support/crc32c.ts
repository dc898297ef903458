/**
 * CRC-32C (Castagnoli) bit by bit over a table: reflected polynomial 0x82F63B78, begun with and ended by all ones. The check
 * value of `123456789` is 0xE3069283. It is here so that `hash` is compared with arithmetic that the library does not share.
 */
const table = new Uint32Array(256);
for (let byte = 0; byte < 256; byte++) {
  let remainder = byte;
  for (let bit = 0; bit < 8; bit++) remainder = (remainder >>> 1) ^ (remainder & 1 ? 0x82f63b78 : 0);
  table[byte] = remainder >>> 0;
}

/** CRC-32C of the pieces one after the other, unsigned. */
export function crc32c(pieces: Iterable<Uint8Array>): number {
  let crc = 0xffffffff;
  for (const piece of pieces) {
    for (let index = 0; index < piece.length; index++) {
      crc = (crc >>> 8) ^ (table[(crc ^ (piece[index] as number)) & 0xff] as number);
    }
  }
  return (crc ^ 0xffffffff) >>> 0;
}
