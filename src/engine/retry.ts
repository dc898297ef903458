/**
 * One kind of background job that may fail: how often in a row it did, and when it may be tried again.
 *
 *   fine ── failed ──▶ waiting (100 ms, then twice as long each time, 10 s at most) ── due ──▶ again
 *
 * Invariant: at most one timer runs, and it does not keep the process alive.
 */
import { VarveError, type VarveErrorCode } from '../errors.js';
import type { JobFailure } from '../compaction/job.js';
import type { Clock, Timer } from '../env/clock.js';

const delayMsFirst = 100;
const delayMsMax = 10_000;

/** Failures in a row after which a caller that depends on the job is told instead of waiting on. */
const failuresTolerated = 3;

export class Retry {
  failures = 0;
  last: JobFailure | undefined;
  private timer: Timer | undefined;

  constructor(
    private readonly clock: Clock,
    private readonly again: () => void,
  ) {}

  get isWaiting(): boolean {
    return this.timer !== undefined;
  }

  succeeded(): void {
    this.failures = 0;
    this.last = undefined;
    this.cancel();
  }

  failed(failure: JobFailure): void {
    this.failures++;
    this.last = failure;
    this.cancel();
    const delayMs = Math.min(delayMsMax, delayMsFirst * 2 ** (this.failures - 1));
    const due = (): void => {
      this.timer = undefined;
      this.again();
    };
    this.timer = this.clock.startTimer(delayMs, due, false);
  }

  /** Ends the waiting: the job may be tried at once. */
  cancel(): void {
    this.timer?.cancel();
    this.timer = undefined;
  }

  /** Throws the last failure where it has happened too often to hope. */
  giveUp(): void {
    if (this.failures >= failuresTolerated) throw jobError(this.last);
  }
}

/** What a failed job is to the caller who waits for it. */
export function jobError(failure: JobFailure | undefined): VarveError {
  if (failure === undefined)
    return new VarveError('VARVE_ASSERTION', 'broken invariant: background work failed without a reason');
  const code = failure.systemCode === 'ENOSPC' ? 'VARVE_NO_SPACE' : (failure.code as VarveErrorCode);
  return new VarveError(code, `background work failed: ${failure.message}`, { file: failure.file, offset: failure.offset });
}
