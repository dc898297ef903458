/**
 * Records by ordinal: the arena and one column of addresses, both in shared memory, so that the main thread and the worker
 * read the same records through the same code.
 *
 * Ordinal n is the n-th record of the memtable, from 1; its sequence is firstSequence + n - 1. Ordinal 0 is no record: the
 * ordered index uses it for the key that is searched.
 */
import { compareBytes } from '../format/bytes.js';
import { chunkAt } from './arena.js';
import { recordBytes, recordHeaderBytes } from './record.js';

/** Words of a cache line. */
const lineWords = 16;

/** What the worker gets of a frozen memtable: plain data over shared memory, nothing is copied. */
export interface FrozenRecords {
  readonly chunks: readonly { readonly buffer: SharedArrayBuffer; readonly baseUnits: number }[];
  readonly addresses: SharedArrayBuffer;
  /** Records, dead ones included. */
  readonly recordCount: number;
  readonly firstSequence: number;
}

interface Chunk {
  readonly bytes: Buffer;
  readonly words: Uint32Array;
  readonly baseUnits: number;
}

/** Reads records. `locate` places it on one; the fields then say where its parts lie. */
export class RecordReader {
  bytes: Buffer;
  keyStart = 0;
  keyEnd = 0;
  valueEnd = 0;
  kind = 0;
  /** What `touch` read, kept so that the reads are not optimised away. */
  touched = 0;
  private readonly first: Chunk;
  private readonly secondBaseUnits: number;

  constructor(
    private readonly chunks: readonly Chunk[],
    public addresses: Uint32Array,
  ) {
    this.first = chunks[0] as Chunk;
    this.bytes = this.first.bytes;
    // An overflow chunk, also one that comes later, begins where the first chunk's capacity ends.
    this.secondBaseUnits = this.first.words.length / 2;
  }

  static ofFrozen(frozen: FrozenRecords): RecordReader {
    const chunks = frozen.chunks.map(({ buffer, baseUnits }) => ({
      bytes: Buffer.from(buffer),
      words: new Uint32Array(buffer),
      baseUnits,
    }));
    return new RecordReader(chunks, new Uint32Array(frozen.addresses));
  }

  /** A second reader over the same records, for comparing two of them. */
  another(): RecordReader {
    return new RecordReader(this.chunks, this.addresses);
  }

  locate(ordinal: number): void {
    const address = this.addresses[ordinal] as number;
    const chunk = address < this.secondBaseUnits ? this.first : this.overflowChunk(address);
    const offset = (address - chunk.baseUnits) * 8;
    const lengths = chunk.words[offset / 4 + 1] as number;
    this.bytes = chunk.bytes;
    this.kind = (lengths >>> 16) & 0xff;
    this.keyStart = offset + recordHeaderBytes;
    this.keyEnd = this.keyStart + (lengths & 0xffff);
    this.valueEnd = this.keyEnd + (chunk.words[offset / 4] as number);
  }

  /** Stands on no record any more, and holds no chunk that goes. */
  leave(): void {
    this.bytes = this.first.bytes;
  }

  /**
   * Reads a word of each cache line of the records ordinals[begin, end) that have less than `bytesMax` bytes, and makes nothing of
   * them: loads that do not depend on one another overlap, so the processor waits for their memory once and not for each.
   */
  touch(ordinals: Uint32Array, begin: number, end: number, bytesMax: number): void {
    const { addresses, secondBaseUnits } = this;
    const { words } = this.first;
    let sum = 0;
    for (let i = begin; i < end; i++) {
      const address = addresses[ordinals[i] as number] as number;
      if (address >= secondBaseUnits) continue;
      const at = address * 2;
      const bytes = recordBytes((words[at + 1] as number) & 0xffff, words[at] as number);
      if (bytes >= bytesMax) continue;
      const last = at + bytes / 4 - 1;
      for (let word = at + lineWords; word < last; word += lineWords) sum ^= words[word] as number;
      sum ^= words[last] as number;
    }
    this.touched = sum;
  }

  /** Copies a record to byte `to` of `target`, by words. Returns its length in bytes, or 0 where it has `bytesMax` or more. */
  copyRecord(ordinal: number, target: Uint32Array, to: number, bytesMax: number): number {
    const address = this.addresses[ordinal] as number;
    const chunk = address < this.secondBaseUnits ? this.first : this.overflowChunk(address);
    const { words } = chunk;
    const from = (address - chunk.baseUnits) * 2;
    const bytes = recordBytes((words[from + 1] as number) & 0xffff, words[from] as number);
    if (bytes >= bytesMax) return 0;
    const end = from + bytes / 4;
    for (let word = from, at = to / 4; word < end; word += 2, at += 2) {
      target[at] = words[word] as number;
      target[at + 1] = words[word + 1] as number;
    }
    return bytes;
  }

  private overflowChunk(address: number): Chunk {
    return chunkAt(this.chunks, address);
  }
}

/**
 * The first six bytes of a key from `depth` on as one number, with the number of bytes that were left (at most 7) in the
 * lowest three bits: 51 bits, exact in a double. Where the numbers of two keys differ, so do the keys, in the same order; where they
 * are equal and the lowest bits are below 7, the keys are equal from `depth` on.
 */
export function keyHead(bytes: Uint8Array, start: number, end: number): number {
  const left = end - start;
  const b0 = left > 0 ? (bytes[start] as number) : 0;
  const b1 = left > 1 ? (bytes[start + 1] as number) : 0;
  const b2 = left > 2 ? (bytes[start + 2] as number) : 0;
  const b3 = left > 3 ? (bytes[start + 3] as number) : 0;
  const b4 = left > 4 ? (bytes[start + 4] as number) : 0;
  const b5 = left > 5 ? (bytes[start + 5] as number) : 0;
  const high = (b0 << 16) | (b1 << 8) | b2;
  const low = (b3 << 19) | (b4 << 11) | (b5 << 3) | (left < 7 ? left : 7);
  return high * 0x800_0000 + low;
}

/** Order of the keys of two records, from `skip` bytes after their start. */
export function compareRecordKeys(a: RecordReader, b: RecordReader, skip: number): number {
  return compareBytes(a.bytes, a.keyStart + skip, a.keyEnd, b.bytes, b.keyStart + skip, b.keyEnd);
}
