/**
 * The runs of a merge in the order of the keys that they are at.
 *
 *   order   | source at "a3" | source at "a3", older | source at "b1" | …
 *             '- taken, moved to its next entry, and put back at its place
 *
 * Putting back costs one comparison as long as one source has a stretch to itself. Sources are compared by heads: the next bytes
 * of their keys as a number, behind those that all keys share between the first key and the last of any block that some source
 * stands in.
 *
 * Invariants:
 * 1. Sources stand by key, and of one key the newest run first.
 * 2. Heads are made anew whenever a source enters a block. Until then no source gets to a key behind the last of those blocks, so
 *    what the first key and that one share is shared by all that come.
 * 3. A block whose keys are out of order breaks (2), and sources may then stand in any order. Who takes the entries sees it, for
 *    each source gives its own in the order in which they are stored, so some key comes that is not greater than one before.
 */
import { commonPrefixLength, compareBytes } from '../format/bytes.js';
import { keyHead } from '../memtable/record-table.js';
import type { RunSource } from './run-source.js';

export class SourceOrder {
  private readonly sources: RunSource[] = [];
  /** Bytes that keys share. */
  private sharedBytes = 0;

  /** The source whose entry comes next. */
  get first(): RunSource | undefined {
    return this.sources[0];
  }

  /** The one after it. */
  get second(): RunSource | undefined {
    return this.sources[1];
  }

  clear(): void {
    this.sources.length = 0;
  }

  /** Adds a source; a run is older the greater its rank. */
  add(source: RunSource): void {
    this.sources.unshift(source);
    this.moved();
  }

  /** Takes the first source out, which has come to its end. */
  removeFirst(): void {
    this.sources.shift();
  }

  /** Puts the first source to its place, after it has moved. */
  moved(): void {
    const { sources } = this;
    const source = sources[0] as RunSource;
    if (source.scanner.atBlockStart) this.makeHeads();
    else source.head = headOf(source, this.sharedBytes);
    let place = 0;
    for (; place + 1 < sources.length && isBefore(sources[place + 1] as RunSource, source); place++) {
      sources[place] = sources[place + 1] as RunSource;
    }
    sources[place] = source;
  }

  private makeHeads(): void {
    const { sources } = this;
    const moved = sources[0] as RunSource;
    // All but the one that moved are in order: the smallest key is its key, or that of the next.
    const next = sources[1] ?? moved;
    const smallest = compareKeys(moved, next) <= 0 ? moved.scanner : next.scanner;
    let greatest = smallest;
    for (const { scanner } of sources) {
      if (compareLastKeys(greatest, scanner) < 0) greatest = scanner;
    }
    const { keyBytes, keyStart, keyEnd } = smallest;
    const { blockLastKeyBytes, blockLastKeyStart, blockLastKeyEnd } = greatest;
    this.sharedBytes = commonPrefixLength(keyBytes, keyStart, keyEnd, blockLastKeyBytes, blockLastKeyStart, blockLastKeyEnd);
    for (const source of sources) source.head = headOf(source, this.sharedBytes);
  }
}

function headOf({ scanner }: RunSource, sharedBytes: number): number {
  return keyHead(scanner.keyBytes, scanner.keyStart + sharedBytes, scanner.keyEnd);
}

function isBefore(a: RunSource, b: RunSource): boolean {
  if (a.head !== b.head) return a.head < b.head;
  const difference = compareKeys(a, b);
  return difference !== 0 ? difference < 0 : a.rank < b.rank;
}

function compareKeys(a: RunSource, b: RunSource): number {
  const x = a.scanner;
  const y = b.scanner;
  return compareBytes(x.keyBytes, x.keyStart, x.keyEnd, y.keyBytes, y.keyStart, y.keyEnd);
}

function compareLastKeys(a: RunSource['scanner'], b: RunSource['scanner']): number {
  return compareBytes(
    a.blockLastKeyBytes,
    a.blockLastKeyStart,
    a.blockLastKeyEnd,
    b.blockLastKeyBytes,
    b.blockLastKeyStart,
    b.blockLastKeyEnd,
  );
}
