/**
 * The memory of one memtable: shared chunks in which records are laid one after the other and never move.
 *
 * The bytes of a record here are its bytes in the log file, and the worker reads them from here at a flush, so the memory is
 * shared between threads and a record is encoded once in its life.
 *
 *   address 0                      baseUnits of chunk 1
 *   | record | record | … | free | | record (one large value) | …
 *   '---- chunk 0, first size ---' '---- chunk 1, as large as needed ----'
 *
 * An address counts units of 8 bytes over all chunks, so that 32 bits reach 32 GiB.
 *
 * Copying a value into shared memory takes two to three times as long as into memory of one thread: V8 copies byte by byte there, but where
 * both sides begin at a multiple of 8. So a memtable that takes writes has a draft for its first chunk:
 *
 *   draft    | r1 | r2 | r3 | r4 | r5 | free      records are written here, and read
 *   chunk 0  | r1 | r2 | r3 |                     whole runs of them are copied before somebody else may read them
 *                           publishedBytes
 *
 * Invariants:
 * 1. A record lies in one chunk, at a multiple of 8 bytes.
 * 2. Addresses ascend in the order of allocation.
 * 3. Bytes below `usedBytes` of a chunk change only by `Memtable.rollBack`, which marks records dead; those that went to a log, and all
 *    before them, never.
 * 4. A draft belongs to one arena at a time, from `lend`, when the arena is empty, to `takeBack`.
 */
import { assert, VarveError } from '../errors.js';

/** Size of a chunk that follows the first one, unless one record needs more. */
const overflowChunkBytes = 1024 * 1024;
const unitsMax = 0xffff_ffff;

export interface ArenaChunk {
  readonly buffer: SharedArrayBuffer;
  readonly shared: Buffer;
  /** Where its records are written and read: the draft, or `shared`. */
  bytes: Buffer;
  words: Uint32Array;
  readonly baseUnits: number;
  readonly capacityBytes: number;
  usedBytes: number;
}

/** Memory of this thread for the records of one memtable after the other. */
export class ArenaDraft {
  readonly bytes: Buffer;
  readonly words: Uint32Array;

  /** As large as the first chunk of the arenas that it is lent to. */
  constructor(firstChunkBytes: number) {
    const bytes = Math.ceil(firstChunkBytes / 8) * 8;
    try {
      this.bytes = Buffer.allocUnsafeSlow(bytes);
    } catch (cause) {
      throw new VarveError('VARVE_LIMIT', `no memory for the ${bytes} bytes in which a memtable is written`, { cause });
    }
    this.words = new Uint32Array(this.bytes.buffer, this.bytes.byteOffset, this.bytes.length / 4);
  }
}

function newChunk(capacityBytes: number, baseUnits: number): ArenaChunk {
  let buffer: SharedArrayBuffer;
  try {
    buffer = new SharedArrayBuffer(capacityBytes);
  } catch (cause) {
    throw new VarveError('VARVE_LIMIT', `no memory for ${capacityBytes} bytes of the open section`, { cause });
  }
  const shared = Buffer.from(buffer);
  return { buffer, shared, bytes: shared, words: new Uint32Array(buffer), baseUnits, capacityBytes, usedBytes: 0 };
}

/** The chunks of one memtable. */
export class Arena {
  /** In the order of their addresses; never empty. */
  readonly chunks: ArenaChunk[];
  /** The first chunk, where all records of an ordinary memtable lie. */
  readonly first: ArenaChunk;
  private last: ArenaChunk;
  private closedChunksBytes = 0;
  private draft: ArenaDraft | undefined;
  /** Bytes of the first chunk that were copied from the draft. */
  private publishedBytes = 0;

  constructor(firstChunkBytes: number) {
    this.first = newChunk(Math.ceil(firstChunkBytes / 8) * 8, 0);
    this.last = this.first;
    this.chunks = [this.first];
  }

  get usedBytes(): number {
    return this.closedChunksBytes + this.last.usedBytes;
  }

  /** Room for `lengthBytes` (a multiple of 8) in one chunk; returns its address. */
  allocate(lengthBytes: number): number {
    let chunk = this.last;
    if (chunk.usedBytes + lengthBytes > chunk.capacityBytes) chunk = this.addChunk(lengthBytes);
    const address = chunk.baseUnits + chunk.usedBytes / 8;
    chunk.usedBytes += lengthBytes;
    return address;
  }

  chunkOf(address: number): ArenaChunk {
    return address >= this.last.baseUnits ? this.last : chunkAt(this.chunks, address);
  }

  /** From now on records of the first chunk are written to this draft, which is as large. The arena is empty. */
  lend(draft: ArenaDraft): void {
    assert(draft.bytes.length === this.first.capacityBytes && this.usedBytes === 0, 'a draft fits, and begins with the arena');
    this.draft = draft;
    this.first.bytes = draft.bytes;
    this.first.words = draft.words;
  }

  /** Publishes everything and gives the draft back; undefined where there is none. Records are where they were, in shared memory. */
  takeBack(): ArenaDraft | undefined {
    const { draft, first } = this;
    if (draft === undefined) return undefined;
    this.publish(first, first.usedBytes);
    this.draft = undefined;
    first.bytes = first.shared;
    first.words = new Uint32Array(first.buffer);
    return draft;
  }

  /** Makes the records of a chunk that end at `end` or before readable in its shared memory. What becomes of them in the draft is not seen there. */
  publish(chunk: ArenaChunk, end: number): void {
    if (this.draft === undefined || chunk !== this.first || end <= this.publishedBytes) return;
    chunk.shared.set(this.draft.bytes.subarray(this.publishedBytes, end), this.publishedBytes);
    this.publishedBytes = end;
  }

  /** Forgets everything; the first chunk's memory is used again. */
  clear(): void {
    this.chunks.length = 1;
    this.first.usedBytes = 0;
    this.last = this.first;
    this.closedChunksBytes = 0;
    this.publishedBytes = 0;
  }

  private addChunk(lengthBytes: number): ArenaChunk {
    const last = this.last;
    const baseUnits = last.baseUnits + last.capacityBytes / 8;
    const capacityBytes = Math.max(overflowChunkBytes, lengthBytes);
    if (baseUnits + capacityBytes / 8 > unitsMax) {
      throw new VarveError('VARVE_LIMIT', 'one section holds at most 32 GiB of keys and values');
    }
    const chunk = newChunk(capacityBytes, baseUnits);
    this.closedChunksBytes += last.usedBytes;
    this.chunks.push(chunk);
    this.last = chunk;
    return chunk;
  }
}

/** The last chunk that begins at or before an address, of chunks in the order of their addresses: a huge section has thousands. */
export function chunkAt<Chunk extends { readonly baseUnits: number }>(chunks: readonly Chunk[], address: number): Chunk {
  let low = 1;
  let high = chunks.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((chunks[middle] as Chunk).baseUnits <= address) low = middle + 1;
    else high = middle;
  }
  return chunks[low - 1] as Chunk;
}
