/**
 * Where a snapshot goes: a Node stream or a web stream, behind one small face.
 *
 *   open ── write … write ── flush ──▶ everything taken by the target ── release ──▶ given back as it was
 *
 * Invariants:
 * 1. `flush` resolves only when the target has taken every piece: its own word for each of them, not room in its buffer.
 * 2. A target that fails, is destroyed or ended, or a stop, ends every wait; also where the target says nothing of it.
 * 3. The target is neither ended nor destroyed here, and no listener is left on it.
 */
import type { Writable } from 'node:stream';
import type { Clock } from '../env/clock.js';
import { invalidArgument, VarveError } from '../errors.js';
import { describe } from '../options.js';
import { PatientWait } from './patient-wait.js';

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

function isWriter(value: unknown): value is WritableStreamDefaultWriter<Uint8Array> {
  return typeof value === 'object' && value !== null && ['write', 'releaseLock'].every((name) => hasMethod(value, name));
}

function targetError(cause: unknown): VarveError {
  return new VarveError('VARVE_IO', 'the target of the snapshot failed or was closed early', { cause });
}

function closedEarly(): Error {
  return new Error('the stream was closed before all was written');
}

class NodeSink implements Sink {
  private failure: unknown;
  private ended = false;
  private pending = 0;
  private readonly onError = (error: unknown): void => {
    this.failure ??= error;
    this.wait.wake();
  };
  private readonly onEnd = (): void => {
    this.ended = true;
    this.wait.wake();
  };
  private readonly onTaken = (error?: Error | null): void => {
    this.pending--;
    if (error !== undefined && error !== null) this.failure ??= error;
    this.wait.wake();
  };

  constructor(
    private readonly target: Writable,
    private readonly wait: PatientWait,
  ) {
    target.on('error', this.onError);
    target.on('close', this.onEnd);
    target.on('finish', this.onEnd);
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
    this.wait.end();
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
    await this.wait.until(() => this.pending <= pieces || this.isOver);
    this.check();
  }

  private get isOver(): boolean {
    return this.failure !== undefined || this.ended || this.target.destroyed || this.target.writableEnded;
  }

  private check(): void {
    if (this.failure !== undefined) throw targetError(this.failure);
    if (this.isOver) throw targetError(this.target.errored ?? closedEarly());
  }
}

class WebSink implements Sink {
  constructor(
    private readonly writer: WritableStreamDefaultWriter<Uint8Array>,
    private readonly wait: PatientWait,
  ) {}

  async write(piece: Uint8Array): Promise<void> {
    const { writer, wait } = this;
    let isSettled = false;
    const settled = (): void => {
      isSettled = true;
      wait.wake();
    };
    const written = Promise.resolve(writer.ready).then(() => writer.write(piece));
    written.then(settled, settled);
    await wait.until(() => isSettled || this.isOver);
    try {
      if (isSettled) await written;
      else if (this.isOver) {
        await writer.ready;
        throw closedEarly();
      }
    } catch (error) {
      throw targetError(error);
    }
  }

  flush(): Promise<void> {
    return Promise.resolve();
  }

  release(): void {
    this.wait.end();
    this.writer.releaseLock();
  }

  /** Whether the stream has failed, also where its sink never ends the write that is under way. `ready` rejects with the reason then. */
  private get isOver(): boolean {
    return this.writer.desiredSize === null;
  }
}

function openWriter(target: WritableStream<Uint8Array>): WritableStreamDefaultWriter<Uint8Array> {
  if (target.locked === true)
    throw invalidArgument('the target is a WritableStream that is locked: somebody else has its writer');
  let writer: unknown;
  try {
    writer = target.getWriter();
  } catch (error) {
    throw targetError(error);
  }
  if (!isWriter(writer)) throw invalidArgument(`the target is no WritableStream: its getWriter gave ${describe(writer)}`);
  return writer;
}

/** A sink over a target; `stop` ends its waits. Refuses what is no stream. */
export function openSink(target: unknown, clock: Clock, stop: AbortSignal): Sink {
  if (isNodeStream(target)) return new NodeSink(target, new PatientWait(clock, stop));
  if (!isWebStream(target)) throw invalidArgument(`the target is a Writable or a WritableStream, not ${describe(target)}`);
  return new WebSink(openWriter(target), new PatientWait(clock, stop));
}
