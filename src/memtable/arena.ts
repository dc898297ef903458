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
 * Invariants:
 * 1. A record lies in one chunk, at a multiple of 8 bytes.
 * 2. Addresses ascend in the order of allocation.
 * 3. Bytes below `usedBytes` of a chunk change only by `Memtable.rollBack`, which marks records dead.
 */
import { VarveError } from '../errors.js';

/** Size of a chunk that follows the first one, unless one record needs more. */
const overflowChunkBytes = 1024 * 1024;
const unitsMax = 0xffff_ffff;

export interface ArenaChunk {
  readonly buffer: SharedArrayBuffer;
  readonly bytes: Buffer;
  readonly words: Uint32Array;
  readonly baseUnits: number;
  readonly capacityBytes: number;
  usedBytes: number;
}

function newChunk(capacityBytes: number, baseUnits: number): ArenaChunk {
  let buffer: SharedArrayBuffer;
  try {
    buffer = new SharedArrayBuffer(capacityBytes);
  } catch (cause) {
    throw new VarveError('VARVE_LIMIT', `no memory for ${capacityBytes} bytes of the open section`, { cause });
  }
  return { buffer, bytes: Buffer.from(buffer), words: new Uint32Array(buffer), baseUnits, capacityBytes, usedBytes: 0 };
}

export class Arena {
  /** In the order of their addresses; never empty. */
  readonly chunks: ArenaChunk[];
  /** The first chunk, where all records of an ordinary memtable lie. */
  readonly first: ArenaChunk;
  private last: ArenaChunk;
  private closedChunksBytes = 0;

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
    for (let i = this.chunks.length - 1; i > 0; i--) {
      const chunk = this.chunks[i] as ArenaChunk;
      if (address >= chunk.baseUnits) return chunk;
    }
    return this.first;
  }

  /** Forgets everything; the first chunk's memory is used again. */
  clear(): void {
    this.chunks.length = 1;
    this.first.usedBytes = 0;
    this.last = this.first;
    this.closedChunksBytes = 0;
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
