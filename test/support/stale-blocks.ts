/**
 * What blocks of a disk held before a file got them: parts of other files, those that are gone included, or noise.
 *
 * **Invariant:** what is shown is a function of the files, of the source of random numbers, and of the order of the calls.
 */
import { randomBelow } from './crash-persona.js';
import { sectorBytes } from './memory-file.js';

/** Fills target[begin, end). */
export type Garbage = (target: Uint8Array, begin: number, end: number) => void;

/** Garbage from the bytes of these files. */
export function garbageOf(files: readonly Uint8Array[], random: () => number): Garbage {
  return (target, begin, end) => {
    // One file gives all of it, at the place at which the file had it: that is the garbage which looks most like what it is taken for.
    const isSamePlace = randomBelow(random, 2) === 0;
    const same = files[randomBelow(random, files.length)];
    for (let at = begin; at < end;) {
      const next = Math.min(end, (Math.floor(at / sectorBytes) + 1) * sectorBytes);
      const source = isSamePlace ? same : files[randomBelow(random, files.length)];
      const sectors = source === undefined ? 0 : Math.ceil(source.length / sectorBytes);
      const from = isSamePlace ? at : randomBelow(random, Math.max(1, sectors)) * sectorBytes + (at % sectorBytes);
      const isNoise = source === undefined || from >= source.length || randomBelow(random, 4) === 0;
      if (isNoise) for (let i = at; i < next; i++) target[i] = randomBelow(random, 256);
      else target.set(source.subarray(from, Math.min(source.length, from + next - at)), at);
      at = next;
    }
  };
}
