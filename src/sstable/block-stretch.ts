/**
 * The stretch of a block: the entries from one on, in the direction of the stretch, up to the first tombstone, the end of the block
 * or what the stretch may take.
 *
 * In a block without sequences every entry is the only version of its key in the block, and visible to everybody.
 */
import { stretchBytesMax, type Stretch } from '../format/stretch.js';
import type { Block } from './block.js';

/** Fills an empty stretch with `entry`, which is no tombstone, and those after it, up to `end`. */
export function stretchForward(stretch: Stretch, block: Block, entry: number, end: number): void {
  const { keyBounds, valueBounds } = stretch;
  const keysStart = block.keyStart(entry);
  const valuesStart = block.valueStart(entry);
  const stop = Math.min(end, entry + stretch.most);
  stretch.keyBytes = stretch.valueBytes = block.bytes;
  let at = stretch.first;
  keyBounds[at] = keysStart;
  valueBounds[at] = valuesStart;
  for (let next = entry; next < stop; next++) {
    const keyEnd = block.keyEnd(next);
    const valueEnd = block.valueEnd(next);
    if (next > entry && (block.isTombstone(next) || keyEnd - keysStart + valueEnd - valuesStart > stretchBytesMax)) break;
    at++;
    keyBounds[at] = keyEnd;
    valueBounds[at] = valueEnd;
  }
  stretch.end = at;
}

/** As stretchForward, with `entry` and those before it, down to `least`. */
export function stretchBackward(stretch: Stretch, block: Block, entry: number, least: number): void {
  const { keyBounds, valueBounds } = stretch;
  const keysEnd = block.keyEnd(entry);
  const valuesEnd = block.valueEnd(entry);
  const stop = Math.max(least, entry - stretch.most + 1);
  stretch.keyBytes = stretch.valueBytes = block.bytes;
  let at = stretch.end;
  keyBounds[at] = keysEnd;
  valueBounds[at] = valuesEnd;
  for (let next = entry; next >= stop; next--) {
    const keyStart = block.keyStart(next);
    const valueStart = block.valueStart(next);
    if (next < entry && (block.isTombstone(next) || keysEnd - keyStart + valuesEnd - valueStart > stretchBytesMax)) break;
    at--;
    keyBounds[at] = keyStart;
    valueBounds[at] = valueStart;
  }
  stretch.first = at;
}
