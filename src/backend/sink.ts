/**
 * Where a snapshot goes: a Node stream or a web stream, behind one small face.
 *
 *   open ── write … write ── flush ──▶ everything taken by the target ── release ──▶ given back as it was
 *
 * Invariants:
 * 1. `flush` resolves only when the target has taken every piece: its own word for each of them, not room in its buffer.
 * 2. A target that fails, is destroyed or ended, or a stop, ends every wait.
 * 3. The target is neither ended nor destroyed here, and no listener is left on it.
 */
import { once } from 'node:events';
import type { Writable } from 'node:stream';
import { invalidArgument, VarveError } from '../errors.js';
import { describe } from '../options.js';

export interface Sink {
  /** Resolves when the next piece may be written. */
  write(piece: Uint8Array): Promise<void>;
  /** Resolves when the target has taken all pieces, or at a stop. */
  flush(): Promise<void>;
  /** Gives the target back, neither ended nor destroyed. */
  release(): void;
}

/** Pieces that may be on their way to a Node stream. */
const piecesOnTheirWay = 8;

function hasMethod(target: object, name: string): boolean {
  return typeof Reflect.get(target, name) === 'function';
}

function isNodeStream(target: unknown): target is Writable {
  return typeof target === 'object' && target !== null && ['write', 'on', 'off'].every((name) => hasMethod(target, name));
}

function isWebStream(target: unknown): target is WritableStream<Uint8Array> {
  return typeof target === 'object' && target !== null && hasMethod(target, 'getWriter');
}

function targetError(cause: unknown): VarveError {
  return new VarveError('VARVE_IO', 'the target of the snapshot failed or was closed early', { cause });
}

class NodeSink implements Sink {
  private failure: unknown;
  private ended = false;
  private pending = 0;
  private wake: () => void = () => {};
  private readonly onError = (error: unknown): void => {
    this.failure ??= error;
    this.wake();
  };
  private readonly onEnd = (): void => {
    this.ended = true;
    this.wake();
  };
  private readonly onTaken = (error?: Error | null): void => {
    this.pending--;
    if (error !== undefined && error !== null) this.failure ??= error;
    this.wake();
  };
  private readonly onStop = (): void => this.wake();

  constructor(
    private readonly target: Writable,
    private readonly stop: AbortSignal,
  ) {
    target.on('error', this.onError);
    target.on('close', this.onEnd);
    target.on('finish', this.onEnd);
    stop.addEventListener('abort', this.onStop);
  }

  async write(piece: Uint8Array): Promise<void> {
    this.check();
    this.pending++;
    let hasRoom: boolean;
    try {
      hasRoom = this.target.write(piece, this.onTaken);
    } catch (error) {
      this.pending--;
      throw targetError(error);
    }
    await this.until(hasRoom ? piecesOnTheirWay : 0);
  }

  async flush(): Promise<void> {
    await this.until(0);
  }

  release(): void {
    const { target } = this;
    target.off('close', this.onEnd);
    target.off('finish', this.onEnd);
    this.stop.removeEventListener('abort', this.onStop);
    const quiet = this.failure === undefined && !this.ended && this.pending === 0;
    const letGo = (): void => {
      target.off('error', this.onError);
    };
    // The error of a stream that failed may still be on its way: this call reports it, and it is not thrown at nobody. A stream that
    // has something to close (a file) tells its error only when that is done.
    if (quiet) letGo();
    else if (target.destroyed && !target.closed) target.once('close', letGo);
    else setImmediate(letGo);
  }

  /** Waits until at most so many pieces are on their way, or nothing more will come of waiting. */
  private async until(pieces: number): Promise<void> {
    while (this.pending > pieces && !this.isOver) {
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
    }
    this.check();
  }

  private get isOver(): boolean {
    return this.failure !== undefined || this.ended || this.target.destroyed || this.stop.aborted;
  }

  private check(): void {
    if (this.failure !== undefined) throw targetError(this.failure);
    if (this.ended || this.target.destroyed || this.target.writableEnded) {
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

  flush(): Promise<void> {
    return Promise.resolve();
  }

  release(): void {
    this.done.abort();
    this.writer.releaseLock();
  }
}

/** A sink over a target; `stop` ends its waits. Refuses what is no stream. */
export function openSink(target: unknown, stop: AbortSignal): Sink {
  if (isNodeStream(target)) return new NodeSink(target, stop);
  if (!isWebStream(target)) throw invalidArgument(`the target is a Writable or a WritableStream, not ${describe(target)}`);
  try {
    return new WebSink(target, stop);
  } catch (error) {
    throw targetError(error);
  }
}
