/**
 * Lines of a stream of bytes, as bytes: those that came with one piece together. A line ends with a newline, and nothing else; the last
 * one needs none.
 *
 * Bytes, because a decoder that is fed a stream puts U+FFFD in the place of what is no UTF-8, and because there are readers of lines for
 * which U+2028 ends one, which may stand in JSON as it is.
 *
 * Invariant: memory is one piece and one line, which is no longer than a string may be.
 */
import { constants } from 'node:buffer';
import { VarveError } from '../errors.js';

const newline = 0x0a;
const lineBytesMax = constants.MAX_STRING_LENGTH;

/** The lines. VARVE_LIMIT for one that is too long. */
export async function* linesOf(source: AsyncIterable<Uint8Array>): AsyncGenerator<readonly Buffer[]> {
  let begun: Buffer[] = [];
  let begunBytes = 0;
  for await (const each of source) {
    const piece = Buffer.from(each.buffer, each.byteOffset, each.length);
    const lines: Buffer[] = [];
    let start = 0;
    for (let end = piece.indexOf(newline); end >= 0; end = piece.indexOf(newline, start)) {
      lines.push(Buffer.concat([...begun, piece.subarray(start, end)]));
      begun = [];
      begunBytes = 0;
      start = end + 1;
    }
    if (start < piece.length) begun.push(piece.subarray(start));
    begunBytes += piece.length - start;
    if (lines.length > 0) yield lines;
    if (begunBytes > lineBytesMax) throw new VarveError('VARVE_LIMIT', `a line has at most ${lineBytesMax} bytes`);
  }
  if (begun.length > 0) yield [Buffer.concat(begun)];
}
