/**
 * CRC-32C (Castagnoli, reflected, the sum that etcd's hash is made of), going on from what came before. The only user of crc-32.
 */
import crc32c from 'crc-32/crc32c.js';

/** The sum of all bytes so far: `sum` is 0 or what the call before gave. A signed number; `>>> 0` gives the usual one. */
export function extendCrc32c(sum: number, bytes: Uint8Array): number {
  return crc32c.buf(bytes, sum);
}
