/**
 * Reads a file forward through one window of bounded size, and looks for promises behind a place where frames stop being valid.
 *
 *   file    |-----------------[=============window============]-----------------|
 *                             start                           end      moves forward, starting where it is needed
 *
 * **Invariants:**
 * 1. Memory is the window, 1 MiB or the file where that is smaller.
 * 2. Looking for a promise reads each byte of the rest once and checks headers only: linear in the file, whatever it holds.
 */
import type { FileHandle } from '../env/file-system.js';
import { assert, corruption } from '../errors.js';
import { type FrameCodec, frameHeaderBytes } from '../format/frame-header.js';

const windowBytesMax = 1024 * 1024;

/** A window onto one file. The file must not shrink. */
export class FileWindow {
  /** What the window shows: valid from the index that `load` gave, until the next `load`. */
  readonly bytes: Uint8Array;
  readonly sizeBytes: number;
  readonly #file: FileHandle;
  readonly #fileName: string;
  #start = 0;
  #end = 0;

  /** The caller keeps the file, and closes it. */
  constructor(file: FileHandle, fileName: string) {
    this.#file = file;
    this.#fileName = fileName;
    this.sizeBytes = file.sizeBytes();
    this.bytes = new Uint8Array(Math.min(windowBytesMax, this.sizeBytes));
  }

  /** Brings file bytes [position, position + bytes) into the window and returns their index in `this.bytes`. */
  load(position: number, bytes: number): number {
    assert(bytes <= this.bytes.length, 'what is loaded fits in the window');
    assert(position + bytes <= this.sizeBytes, 'what is loaded is in the file');
    if (position < this.#start || position + bytes > this.#end) {
      this.#start = position;
      this.#end = position + this.#file.read(this.bytes, position);
      if (this.#end < position + bytes) throw corruption(this.#fileName, this.#end, 'the file became shorter while it was read');
    }
    return position - this.#start;
  }

  /** Reads anew, from `position` on as far as the window goes: what it shows then is from one moment. */
  refresh(position: number): void {
    this.#end = this.#start;
    this.load(position, Math.min(this.bytes.length, this.sizeBytes - position));
  }

  /** How many bytes at the end of the file are zeros, none of them before `from`. */
  zerosBehind(from: number): number {
    let end = from;
    for (let position = from; position < this.sizeBytes;) {
      const chunkBytes = Math.min(this.bytes.length, this.sizeBytes - position);
      const start = this.load(position, chunkBytes);
      for (let i = 0; i < chunkBytes; i++) if (this.bytes[start + i] !== 0) end = position + i + 1;
      position += chunkBytes;
    }
    return this.sizeBytes - end;
  }

  /** Fills `target` from `position`, past the window. */
  readInto(target: Uint8Array, position: number): void {
    const bytes = this.#file.read(target, position);
    if (bytes < target.length) throw corruption(this.#fileName, position + bytes, 'the file became shorter while it was read');
  }

  /**
   * The offset of the first frame header at or after `from` that promises more than `from` bytes to be durable, or undefined.
   *
   * Headers are looked for at every multiple of 8. A false find has the chance 2^-32 for every place that shows the magic.
   */
  findPromise(codec: FrameCodec, from: number): number | undefined {
    const first = Math.ceil(from / 8) * 8;
    const magic1 = (codec.magic >>> 8) & 0xff;
    const magic2 = (codec.magic >>> 16) & 0xff;
    const magic3 = codec.magic >>> 24;
    for (let position = first; position + frameHeaderBytes <= this.sizeBytes;) {
      const chunkBytes = Math.min(this.bytes.length, this.sizeBytes - position);
      const start = this.load(position, chunkBytes);
      const bytes = this.bytes;
      const last = start + chunkBytes - frameHeaderBytes;
      let at = start;
      for (; at <= last; at += 8) {
        if (bytes[at + 7] !== magic3 || bytes[at + 6] !== magic2 || bytes[at + 5] !== magic1) continue;
        const offset = position + (at - start);
        const header = codec.decode(bytes, at, offset);
        if (header !== undefined && header.syncedBytes > from) return offset;
      }
      position += at - start;
    }
    return undefined;
  }
}
