/**
 * A snapshot: a checkpoint of the committed state, streamed as a tar.
 *
 *   open ── writeTo, as often as wanted ──▶ open ── close, or the backend closes ──▶ closed (files let go)
 *
 * Invariants:
 * 1. `writeTo` writes exactly `size` bytes or rejects.
 * 2. Files are held until `close`; they are read in pieces, at the pace of the target.
 */
import { once } from 'node:events';
import type { Writable } from 'node:stream';
import type { Snapshot } from '../api.js';
import type { Checkpoint, CheckpointFile } from '../engine/checkpoint.js';
import { joinPath } from '../env/path.js';
import { corruption, invalidArgument, VarveError } from '../errors.js';
import { describe } from '../options.js';
import { archiveBytes, packArchive } from './tar.js';

const pieceBytes = 256 * 1024;

/** Where the bytes go, whatever kind of stream it is. */
interface Sink {
  write(piece: Uint8Array): Promise<void>;
  /** Gives the target back, neither ended nor destroyed. */
  release(): void;
}

function isNodeStream(target: unknown): target is Writable {
  return (
    typeof target === 'object' && target !== null && 'write' in target && typeof target.write === 'function' && 'once' in target
  );
}

function isWebStream(target: unknown): target is WritableStream<Uint8Array> {
  return typeof target === 'object' && target !== null && 'getWriter' in target && typeof target.getWriter === 'function';
}

function targetError(cause: unknown): VarveError {
  return new VarveError('VARVE_IO', 'the target of the snapshot failed or was closed early', { cause });
}

class NodeSink implements Sink {
  private failure: unknown;
  private closed = false;
  private readonly onError = (error: unknown): void => {
    this.failure ??= error;
  };
  private readonly onClose = (): void => {
    this.closed = true;
  };

  constructor(
    private readonly target: Writable,
    private readonly stop: AbortSignal,
  ) {
    target.on('error', this.onError);
    target.on('close', this.onClose);
  }

  async write(piece: Uint8Array): Promise<void> {
    this.check();
    let hasRoom: boolean;
    try {
      hasRoom = this.target.write(piece);
    } catch (error) {
      throw targetError(error);
    }
    if (!hasRoom) await this.room();
    this.check();
  }

  release(): void {
    this.target.off('close', this.onClose);
    if (this.failure === undefined && !this.closed) {
      this.target.off('error', this.onError);
      return;
    }
    // The error of a stream that was destroyed may still be on its way: it is reported by this call, not thrown at nobody.
    setImmediate(() => this.target.off('error', this.onError));
  }

  /** Whichever comes first: room again, the end of the target, or the end of this call. */
  private async room(): Promise<void> {
    const done = new AbortController();
    const signal = AbortSignal.any([this.stop, done.signal]);
    const events = ['drain', 'close', 'error'].map((name) => once(this.target, name, { signal }).catch(() => {}));
    await Promise.race(events);
    done.abort();
  }

  private check(): void {
    if (this.failure !== undefined) throw targetError(this.failure);
    if (this.closed || this.target.destroyed || this.target.writableEnded) {
      throw targetError(this.target.errored ?? new Error('the stream was closed before all was written'));
    }
  }
}

class WebSink implements Sink {
  private readonly writer: WritableStreamDefaultWriter<Uint8Array>;
  private readonly stopped: Promise<unknown>;
  private readonly done = new AbortController();

  constructor(target: WritableStream<Uint8Array>, stop: AbortSignal) {
    this.writer = target.getWriter();
    this.stopped = stop.aborted ? Promise.resolve() : once(stop, 'abort', { signal: this.done.signal }).catch(() => {});
  }

  async write(piece: Uint8Array): Promise<void> {
    const written = this.writer.ready.then(() => this.writer.write(piece));
    try {
      await Promise.race([written, this.stopped]);
    } catch (error) {
      throw targetError(error);
    } finally {
      written.catch(() => {});
    }
  }

  release(): void {
    this.done.abort();
    this.writer.releaseLock();
  }
}

function openSink(target: unknown, stop: AbortSignal): Sink {
  if (isNodeStream(target)) return new NodeSink(target, stop);
  if (!isWebStream(target)) throw invalidArgument(`the target is a Writable or a WritableStream, not ${describe(target)}`);
  try {
    return new WebSink(target, stop);
  } catch (error) {
    throw targetError(error);
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
    const { signal } = options;
    checkNotAborted(signal);
    const stop = signal === undefined ? this.ended.signal : AbortSignal.any([this.ended.signal, signal]);
    const sink = openSink(target, stop);
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
        written += value.length;
      }
    } finally {
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
