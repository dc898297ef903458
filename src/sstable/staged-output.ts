/**
 * Sequential output to a file through one staging buffer, so that a table costs few large writes.
 *
 * Invariants:
 * 1. `offset` is where the next byte goes; all bytes before it are in the file or in the staging buffer.
 * 2. Pieces of at least a quarter of the staging buffer are written from where they lie, without a copy.
 */
import type { FileHandle } from '../env/file-system.js';
import { copyRange } from './block-builder.js';

/** A writer of bytes one after the other, from the start of a file. */
export class StagedOutput {
  private readonly file: FileHandle;
  private readonly staging: Buffer;
  private stagedBytes = 0;
  private flushedBytes = 0;

  /** `staging` is this output's until the last flush. */
  constructor(file: FileHandle, staging: Buffer) {
    this.file = file;
    this.staging = staging;
  }

  /** Offset of the next byte. */
  get offset(): number {
    return this.flushedBytes + this.stagedBytes;
  }

  /** Appends bytes; they may change after the call. */
  append(bytes: Uint8Array): void {
    if (bytes.length >= this.staging.length / 4) {
      this.appendDirect([bytes]);
      return;
    }
    if (this.stagedBytes + bytes.length > this.staging.length) this.flush();
    copyRange(bytes, 0, bytes.length, this.staging, this.stagedBytes);
    this.stagedBytes += bytes.length;
  }

  /** Appends pieces with one write and no copy. */
  appendDirect(pieces: readonly Uint8Array[]): void {
    this.flush();
    this.file.write(pieces, this.flushedBytes);
    for (const piece of pieces) this.flushedBytes += piece.length;
  }

  /** Hands everything to the file. Not durable before a sync. */
  flush(): void {
    if (this.stagedBytes === 0) return;
    this.file.write([this.staging.subarray(0, this.stagedBytes)], this.flushedBytes);
    this.flushedBytes += this.stagedBytes;
    this.stagedBytes = 0;
  }
}
