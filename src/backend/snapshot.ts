/**
 * A snapshot: a checkpoint of the committed state, streamed as a tar.
 *
 *   open ── writeTo, as often as wanted ──▶ open ── close, or the backend closes ──▶ closed (files let go)
 *
 * Invariants:
 * 1. `writeTo` writes exactly `size` bytes or rejects.
 * 2. Files are held until `close`; they are read in pieces, at the pace of the target.
 */
import type { Writable } from 'node:stream';
import type { Snapshot } from '../api.js';
import type { Checkpoint, CheckpointFile } from '../engine/checkpoint.js';
import type { Clock } from '../env/clock.js';
import { joinPath } from '../env/path.js';
import { corruption, invalidArgument, VarveError } from '../errors.js';
import { describe } from '../options.js';
import { openSink } from './sink.js';
import { archiveBytes, packArchive } from './tar.js';

const pieceBytes = 256 * 1024;
/** Bytes after which the event loop goes first: about a millisecond of reading. */
const bytesPerTurn = 2 * 1024 * 1024;

/** Refuses what is no AbortSignal. */
export function checkSignal(signal: unknown): void {
  if (signal !== undefined && !(signal instanceof AbortSignal)) {
    throw invalidArgument(`signal is an AbortSignal, not ${describe(signal)}`);
  }
}

/** Throws VARVE_ABORTED, with the signal's reason as cause, where the caller called it off. */
export function checkNotAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw new VarveError('VARVE_ABORTED', 'the call was aborted', { cause: signal.reason });
}

export class BackendSnapshot implements Snapshot {
  private closed = false;
  private readonly ended = new AbortController();
  private readonly bytes: number;

  constructor(
    private readonly checkpoint: Checkpoint,
    private readonly clock: Clock,
    /** Called once, when the snapshot ends. */
    private readonly onClose: () => void,
  ) {
    this.bytes = archiveBytes(checkpoint.files);
  }

  size(): number {
    this.check();
    return this.bytes;
  }

  async writeTo(target: Writable | WritableStream<Uint8Array>, options: { signal?: AbortSignal } = {}): Promise<number> {
    this.check();
    if (typeof options !== 'object' || options === null) {
      throw invalidArgument(`the options of writeTo are an object, not ${describe(options)}`);
    }
    const { signal } = options;
    checkSignal(signal);
    checkNotAborted(signal);
    // Not AbortSignal.any: what it makes is remembered by its sources, and a caller's signal may live as long as the process.
    const stop = new AbortController();
    const onStop = (): void => stop.abort();
    const sink = openSink(target, this.clock, stop.signal);
    for (const source of [this.ended.signal, signal]) source?.addEventListener('abort', onStop);
    const files = new Map(this.checkpoint.files.map((file) => [file.name, file]));
    const archive = packArchive(this.checkpoint.files, (file) => this.pieces(files.get(file.name) as CheckpointFile));
    const reader = archive.getReader();
    let written = 0;
    try {
      for (;;) {
        const { done, value } = await reader.read();
        if (done) break;
        this.check();
        checkNotAborted(signal);
        await sink.write(value);
        this.check();
        checkNotAborted(signal);
        const turn = Math.floor(written / bytesPerTurn);
        written += value.length;
        if (Math.floor(written / bytesPerTurn) > turn) await new Promise((resolve) => setImmediate(resolve));
      }
      await sink.flush();
      this.check();
      checkNotAborted(signal);
    } finally {
      for (const source of [this.ended.signal, signal]) source?.removeEventListener('abort', onStop);
      sink.release();
      await reader.cancel().catch(() => {});
    }
    if (written !== this.bytes) throw new VarveError('VARVE_ASSERTION', `a snapshot of ${this.bytes} bytes wrote ${written}`);
    return written;
  }

  close(): Promise<void> {
    this.end();
    return Promise.resolve();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Ends the snapshot. Idempotent. */
  end(): void {
    if (this.closed) return;
    this.closed = true;
    this.ended.abort();
    this.checkpoint.release();
    this.onClose();
  }

  private check(): void {
    if (this.closed) throw new VarveError('VARVE_CLOSED', 'the snapshot is closed');
  }

  private *pieces(file: CheckpointFile): Iterable<Uint8Array> {
    if (file.content !== undefined) {
      if (file.content.length > 0) yield file.content;
      return;
    }
    const { fileSystem, directory } = this.checkpoint;
    const handle = fileSystem.open(joinPath(directory, file.name), 'read');
    try {
      for (let at = 0; at < file.sizeBytes;) {
        this.check();
        const piece = new Uint8Array(Math.min(pieceBytes, file.sizeBytes - at));
        const read = handle.read(piece, at);
        if (read < piece.length) throw corruption(file.name, at + read, `the file ends before its ${file.sizeBytes} bytes`);
        yield piece;
        at += read;
      }
    } finally {
      handle.close();
    }
  }
}
