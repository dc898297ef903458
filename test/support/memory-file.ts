/**
 * The bytes of one file in memory: as they are, as the disk is known to have them, and every write between the two.
 *
 * ```
 *  durable ──(pending writes, in order)──▶ current          sync(n) moves the writes numbered up to n into durable
 *
 *  after a loss of power, a file of two pages with three pending writes a, b, c:
 *    page 0: durable, a, a+b           one of the states it went through …
 *    page 1: durable | b | b c …       … or, torn, one for each sector of 512 bytes
 *    size:   that of durable, or after a, b or c; what no kept write covers reads as zeros, or as garbage
 *  How much of this happens is for the persona to say (crash-persona.ts).
 * ```
 *
 * **Invariants:**
 * 1. Applying all pending writes to the durable content gives the current content.
 * 2. Bytes at and beyond the size are zeros in both.
 * 3. Pages, and the size, are kept or lost each for itself; within one page or sector writes are never reordered.
 */

import { Content, type ContentWrite } from './memory-content.js';
import { type Persona, randomBelow } from './crash-persona.js';
import type { Garbage } from './stale-blocks.js';

/** Unit in which data reaches the disk, in bytes. */
export const pageBytes = 4096;

/** Unit that is never torn, in bytes. */
export const sectorBytes = 512;

interface PendingWrite extends ContentWrite {
  /** From one counter a file, ascending. */
  readonly number: number;
}

/** Puts the part of `write` that lies in [begin, end) into `target`. */
function applyRange(write: PendingWrite, target: Uint8Array, begin: number, end: number): void {
  const from = Math.max(begin, write.position);
  const to = Math.min(end, write.position + write.bytes.length);
  if (from < to) target.set(write.bytes.subarray(from - write.position, to - write.position), from);
}

/** One file, without a name. */
export class MemoryFile {
  readonly kind = 'file';
  #current = new Content();
  #durable = new Content();
  #pending: PendingWrite[] = [];
  #lastNumber = 0;

  get sizeBytes(): number {
    return this.#current.sizeBytes;
  }

  /** Number of the last write so far: what a sync that begins now covers. */
  get lastWrite(): number {
    return this.#lastNumber;
  }

  /** Whether something is not synced. */
  get isDirty(): boolean {
    return this.#pending.length > 0;
  }

  /** The bytes as they are, to be read for as long as one likes. */
  lend(): Uint8Array {
    return this.#current.lend();
  }

  /** Copies into `target` from `position`; returns the count of bytes. */
  read(target: Uint8Array, position: number): number {
    return this.#current.read(target, position);
  }

  /** Takes a copy of `bytes`. */
  write(bytes: Uint8Array, position: number): void {
    if (bytes.length === 0) return;
    // A slice of a Buffer would be the same memory, which the caller may use again.
    this.#put(position, new Uint8Array(bytes), Math.max(this.#current.sizeBytes, position + bytes.length));
  }

  truncate(sizeBytes: number): void {
    const cutBytes = Math.max(0, this.#current.sizeBytes - sizeBytes);
    this.#put(sizeBytes, new Uint8Array(cutBytes), sizeBytes);
  }

  /** Makes the writes up to number `through` durable. */
  sync(through: number): void {
    const kept: PendingWrite[] = [];
    for (const write of this.#pending) {
      if (write.number <= through) this.#durable.apply(write);
      else kept.push(write);
    }
    this.#pending = kept;
  }

  /** The same file with the same past, apart from this one. */
  clone(): MemoryFile {
    const copy = new MemoryFile();
    copy.#current = this.#current.clone();
    copy.#durable = this.#durable.clone();
    copy.#pending = [...this.#pending];
    copy.#lastNumber = this.#lastNumber;
    return copy;
  }

  /** A file as a disk may hold it after a loss of power; all of it is durable. */
  crash(random: () => number, persona: Persona, garbage: Garbage): MemoryFile {
    const content = this.#durable.clone();
    if (this.#pending.length > 0) this.#keepSome(content, random, persona, garbage);
    const survivor = new MemoryFile();
    survivor.#durable = content;
    survivor.#current = content.clone();
    return survivor;
  }

  #put(position: number, bytes: Uint8Array, sizeBytes: number): void {
    const write: PendingWrite = { number: ++this.#lastNumber, position, bytes, sizeBytes };
    this.#pending.push(write);
    this.#current.apply(write);
  }

  #keepSome(content: Content, random: () => number, persona: Persona, garbage: Garbage): void {
    const pending = this.#pending;
    // All and nothing are what real disks do most of the time, and would be rare as chance results.
    const fortune = persona.bytes === 'some' ? randomBelow(random, 4) : 2;
    if (fortune === 0) return;
    const isWhole = fortune === 1 || (persona.bytes === 'all' && persona.sizes === 'all');
    if (isWhole) {
      for (const write of pending) content.apply(write);
      return;
    }
    const prefix = randomBelow(random, pending.length + 1);
    const endBytes = Math.max(...pending.map((write) => Math.max(write.sizeBytes, write.position + write.bytes.length)));
    const bytes = content.reserve(endBytes);
    if (persona.showsGarbage && endBytes > content.sizeBytes) garbage(bytes, content.sizeBytes, endBytes);
    if (persona.bytes === 'some') this.#keepPages(bytes, random);
    const kept = persona.bytes === 'all' ? pending.length : persona.bytes === 'prefix' ? prefix : 0;
    for (const write of pending.slice(0, kept)) bytes.set(write.bytes, write.position);
    // The size is that after one of the writes, or before them all.
    const sizeAfter =
      persona.sizes === 'all'
        ? pending.length
        : persona.sizes === 'prefix'
          ? prefix
          : persona.sizes === 'some'
            ? randomBelow(random, pending.length + 1)
            : 0;
    content.resize(pending[sizeAfter - 1]?.sizeBytes ?? content.sizeBytes);
  }

  /** Of each page, or of each of its sectors, the first so many writes. */
  #keepPages(bytes: Uint8Array, random: () => number): void {
    for (const [page, writes] of this.#writesByPage()) {
      const begin = page * pageBytes;
      const isTorn = randomBelow(random, 4) === 0;
      const stepBytes = isTorn ? sectorBytes : pageBytes;
      for (let at = begin; at < begin + pageBytes; at += stepBytes) {
        const keptCount = randomBelow(random, writes.length + 1);
        for (const write of writes.slice(0, keptCount)) applyRange(write, bytes, at, at + stepBytes);
      }
    }
  }

  #writesByPage(): Map<number, PendingWrite[]> {
    const pages = new Map<number, PendingWrite[]>();
    for (const write of this.#pending) {
      const end = write.position + write.bytes.length;
      for (let page = Math.floor(write.position / pageBytes); page * pageBytes < end; page++) {
        const writes = pages.get(page);
        if (writes === undefined) pages.set(page, [write]);
        else writes.push(write);
      }
    }
    return pages;
  }
}
