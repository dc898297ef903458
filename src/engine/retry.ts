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
  /** Failures in a row. */
  failures = 0;
  /** Failures in all: whoever waits notes them first, to tell fresh ones from old ones. */
  failuresEver = 0;
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
    this.failuresEver++;
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

  /**
   * Throws the last failure where it has happened too often to hope, but never one that is older than the waiting, which began after
   * `failuresBefore` failures: the disk may have room again.
   */
  giveUp(failuresBefore: number): void {
    if (this.failures >= failuresTolerated && this.failuresEver > failuresBefore) throw jobError(this.last);
  }
}

/** What a failed job is to the caller who waits for it. */
export function jobError(failure: JobFailure | undefined): VarveError {
  if (failure === undefined)
    return new VarveError('VARVE_ASSERTION', 'broken invariant: background work failed without a reason');
  const code = failure.systemCode === 'ENOSPC' ? 'VARVE_NO_SPACE' : (failure.code as VarveErrorCode);
  return new VarveError(code, `background work failed: ${failure.message}`, { file: failure.file, offset: failure.offset });
}
