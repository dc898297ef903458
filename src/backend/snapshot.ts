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
  return typeof target === 'object' && target !== null && 'write' in target && typeof target.write === 'function' && 'once' in target;
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
    private readonly signal: AbortSignal | undefined,
  ) {
    target.on('error', this.onError);
    target.on('close', this.onClose);
  }

  async write(piece: Uint8Array): Promise<void> {
    const { target, signal } = this;
    this.check();
    let written: (error?: Error | null) => void = () => {};
    const flushed = new Promise<Error | null | undefined>((resolve) => {
      written = resolve;
    });
    if (!target.write(piece, written)) {
      // Whichever comes first: room again, the end of the target, or an abort.
      const stop = new AbortController();
      const events = ['drain', 'close', 'error'].map((name) => once(target, name, { signal: stop.signal }).catch(() => {}));
      const aborted = signal === undefined ? [] : [once(signal, 'abort', { signal: stop.signal }).catch(() => {})];
      await Promise.race([...events, ...aborted]);
      stop.abort();
    } else {
      void flushed;
    }
    this.check();
  }

  release(): void {
    // An error that comes after this is the target owner's; one that was on its way is not thrown at nobody.
    this.target.off('close', this.onClose);
    setImmediate(() => this.target.off('error', this.onError));
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

  constructor(target: WritableStream<Uint8Array>) {
    this.writer = target.getWriter();
  }

  async write(piece: Uint8Array): Promise<void> {
    try {
      await this.writer.ready;
      await this.writer.write(piece);
    } catch (error) {
      throw targetError(error);
    }
  }

  release(): void {
    this.writer.releaseLock();
  }
}

function openSink(target: unknown, signal: AbortSignal | undefined): Sink {
  if (isNodeStream(target)) return new NodeSink(target, signal);
  if (!isWebStream(target)) throw invalidArgument(`the target is a Writable or a WritableStream, not ${describe(target)}`);
  try {
    return new WebSink(target);
  } catch (error) {
    throw targetError(error);
  }
}

export function checkNotAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw new VarveError('VARVE_ABORTED', 'the call was aborted', { cause: signal.reason });
}

export class BackendSnapshot implements Snapshot {
  private closed = false;
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
    const sink = openSink(target, signal);
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
      for (let at = 0; at < file.sizeBytes; ) {
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
