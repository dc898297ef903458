/**
 * Whether the engine may still be used, and how: one state machine.
 *
 *   open ──stop──▶ stopped ──▶ closed
 *    │  └──────────────────────▲
 *    └─ poisoned is a mark beside the state: reads go on, nothing is committed any more until the database is reopened.
 *
 * Invariants:
 * 1. The first failure of a write or sync of the log or manifest is kept, and is the cause of every later VARVE_POISONED.
 * 2. No state is ever left backwards.
 */
import { VarveError } from '../errors.js';

export class Health {
  private closed = false;
  private stopped = false;
  private failure: unknown;
  private poisoned = false;

  constructor(
    readonly readOnly: boolean,
    /** Told the failure that poisons. */
    private readonly onPoison: (cause: unknown) => void = () => {},
  ) {}

  get isClosed(): boolean {
    return this.closed;
  }

  get isStopped(): boolean {
    return this.stopped;
  }

  get isPoisoned(): boolean {
    return this.poisoned;
  }

  checkOpen(): void {
    if (this.closed) throw new VarveError('VARVE_CLOSED', 'the backend is closed');
  }

  /** Before each write. Poison does not stop it: what is written stays readable, and is never acknowledged. */
  checkWritable(): void {
    this.checkOpen();
    if (this.readOnly) throw new VarveError('VARVE_READ_ONLY', 'the backend was opened with readOnly: it takes no writes');
    if (this.stopped) throw new VarveError('VARVE_STOPPED', 'commitAndStop was called: no write is taken any more');
  }

  /** Before a defrag, which writes no data of the user's. */
  checkWritableForDefrag(): void {
    if (this.readOnly) throw new VarveError('VARVE_READ_ONLY', 'the backend was opened with readOnly: it cannot be compacted');
  }

  /** The error of every commit after the one that failed. */
  poisonError(): VarveError {
    return new VarveError(
      'VARVE_POISONED',
      'an earlier write or sync failed: nothing is committed until the database is reopened',
      {
        cause: this.failure,
      },
    );
  }

  checkNotPoisoned(): void {
    if (this.poisoned) throw this.poisonError();
  }

  poison(cause: unknown): void {
    if (this.poisoned) return;
    this.poisoned = true;
    this.failure = cause;
    this.onPoison(cause);
  }

  stop(): void {
    this.stopped = true;
  }

  close(): void {
    this.closed = true;
  }
}
