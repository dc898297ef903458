/**
 * Room: zeros behind the last group of a log that is synced group by group, for the groups that come.
 *
 *   | header | group | group | group | 0 0 0 0 0 0 0 0 |          written with the third group, synced with it
 *   | header | group | group | group | group | 0 0 0 0 |          the fourth lies over zeros: the file did not grow
 *   | header | group | group | group | group |                    closed: what is left is cut off
 *
 * A sync of a file that has grown has to make its new size and the place of its new blocks durable as well, and waits for the journal of the
 * file system; one of bytes that lie where others did waits for these bytes alone. It takes half as long (docs/decisions/0025). Zeros have to be
 * written, once: a size without them, as truncating sets it, has blocks that are not there yet.
 *
 * To whoever reads, zeros are no frame: where a log has lost its tail they are that tail (log-reader.ts).
 *
 * **Invariants:**
 * 1. Room is laid in the write of the group before it, which nothing follows yet, and never by a write that may end after the next group's.
 * 2. A log that is not synced, or whose groups are large, has none: it would be written twice for nothing.
 * 3. Room is no longer than what lies before it, than `roomBytesMax`, and than what its caller still expects to write.
 */

/** Room that is laid at a time, at most, in bytes. */
export const roomBytesMax = 256 * 1024;
/** Larger groups get none: what their sync takes is the time for their own bytes. */
export const smallGroupBytesMax = 64 * 1024;
const pageBytes = 4096;

/** A group with its place in a log. */
export interface GroupPlace {
  readonly position: number;
  readonly bytes: number;
}

/** What the file of a log looks like before a group is written, in bytes. */
export interface LogLengths {
  /** Where the file ends, with its room. */
  readonly fileBytes: number;
  /** Of this, how much is durable. */
  readonly syncedBytes: number;
}

/** How much room to lay behind a group, in bytes: what fills whole pages, where `expectedBytes` more are to come. */
export function roomBytesBehind(
  { position, bytes }: GroupPlace,
  { fileBytes, syncedBytes }: LogLengths,
  expectedBytes: number,
): number {
  const end = position + bytes;
  if (end <= fileBytes || bytes > smallGroupBytesMax || syncedBytes < position) return 0;
  const roomBytes = Math.min(roomBytesMax, position, expectedBytes);
  return Math.max(0, Math.floor((end + roomBytes) / pageBytes) * pageBytes - end);
}

const zeros = new Uint8Array(roomBytesMax);

/** So many zeros, of memory that is not to be changed. */
export function zerosOf(bytes: number): Uint8Array {
  return zeros.subarray(0, bytes);
}
