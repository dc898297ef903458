/**
 * Back-pressure: writers that outrun the background work are slowed, in two steps.
 *
 * | step | when                                          | what                                                          |
 * |------|-----------------------------------------------|---------------------------------------------------------------|
 * | 1    | runs or sealed memtables gather               | acknowledgements of commits are held back, some milliseconds: |
 * |      |                                               | for memtables as long as a flush takes for as many bytes      |
 * | 2    | no other memtable may be sealed               | acknowledgements wait until one may; a caller that does not   |
 * |      |                                               | await them is blocked, in short slices, in its next section   |
 *
 * Invariants:
 * 1. At most `sealedMax` memtables wait for their flush while another one takes writes.
 * 2. Every time that a writer is held up, in either step, is counted and told. Blocking ends with an error where the background work fails
 *    again and again; at least one attempt is made in each blocking, so that the error is never one of the past.
 */
import { VarveError } from '../errors.js';
import type { BackgroundSurroundings } from './job-desk.js';
import type { CompactionScheduler } from './compaction-scheduler.js';
import type { FlushScheduler } from './flush-scheduler.js';
import type { StallKind } from './observer.js';

/** Sealed memtables that may wait; with the active one and the draft in which it is written that is four times memtableBytes. */
const sealedMax = 2;
/** Runs in level 0 from which acknowledgements are held back, and at which writers stop. */
const runsSlow = 16;
const runsStop = 32;
/** Longest time that an acknowledgement is held back in step 1. */
const holdBackMsMax = 20;
/**
 * Bytes acknowledged in a millisecond while as many memtables wait as may, and the active one is empty: about as fast as they are flushed.
 * The fuller it is the slower, so that where flushes are slower than that it fills up late, and writers seldom have to wait for one.
 */
const pacedBytesPerMs = 64 * 1024;
/** Shorter delays are saved up: a timer does no better. */
const holdBackMsMin = 1;
/** A blocked thread looks around this often. */
const stallSliceMs = 5;

/** What blocking needs of the background work. */
export interface Waiting {
  schedule(): void;
  waitForResult(timeoutMs: number): void;
  until(condition: () => boolean): Promise<void>;
  noteStall(kind: StallKind, durationMs: number): void;
}

export class BackPressure {
  /** Delay that acknowledgements owe while memtables wait. */
  private owedMs = 0;

  constructor(
    private readonly surroundings: BackgroundSurroundings,
    private readonly flushes: FlushScheduler,
    private readonly compactions: CompactionScheduler,
    private readonly waiting: Waiting,
  ) {}

  /** Whether so much is behind that no other memtable may be sealed now. */
  get mustWait(): boolean {
    return this.surroundings.memtables.sealed.length >= sealedMax || this.hasTooManyRuns;
  }

  /**
   * A promise for the time that the acknowledgement of `bytes` is held back, or undefined where nothing is behind. Never rejects.
   */
  holdBack(bytes: number): Promise<void> | undefined {
    const { memtables, clock, health } = this.surroundings;
    if (health.isClosed) return undefined;
    if (this.mustWait && memtables.active.memtable.isFull) {
      const isOver = (): boolean => !this.mustWait || health.isPoisoned || this.flushes.retry.failures > 0;
      const began = clock.now();
      return this.waiting
        .until(isOver)
        .catch(() => {})
        .then(() => this.waiting.noteStall('waiting', clock.now() - began));
    }
    const delayMs = Math.min(holdBackMsMax, Math.max(this.delayForRuns(), this.delayForMemtables(bytes)));
    if (delayMs <= 0) return undefined;
    return new Promise((resolve) => {
      const began = clock.now();
      const goOn = (): void => {
        this.waiting.noteStall('slowed', clock.now() - began);
        resolve();
      };
      clock.startTimer(delayMs, goOn, true);
    });
  }

  private delayForRuns(): number {
    return ((this.runs - runsSlow) / (runsStop - runsSlow)) * holdBackMsMax;
  }

  private delayForMemtables(bytes: number): number {
    const { sealed, active } = this.surroundings.memtables;
    if (sealed.length < sealedMax) {
      this.owedMs = 0;
      return 0;
    }
    const { usedBytes, fullBytes } = active.memtable;
    const room = Math.max(0.01, 1 - usedBytes / fullBytes);
    this.owedMs = Math.min(holdBackMsMax, this.owedMs + bytes / (pacedBytesPerMs * room));
    if (this.owedMs < holdBackMsMin) return 0;
    const owed = this.owedMs;
    this.owedMs = 0;
    return owed;
  }

  /**
   * Blocks until another memtable may be sealed. Throws VARVE_POISONED, or the error of the background work where that fails again
   * and again: nothing was written then.
   */
  makeRoom(): void {
    if (!this.mustWait) return;
    const { clock } = this.surroundings;
    const began = clock.now();
    const failuresBefore = this.flushes.retry.failuresEver;
    this.flushes.flushLeftovers = true;
    try {
      this.surroundings.commitNow();
      while (this.mustWait) this.stallOnce(failuresBefore);
    } finally {
      this.waiting.noteStall('blocked', clock.now() - began);
    }
  }

  /** Whether level 0 holds so many runs that writers wait. Not where merging them fails. */
  get hasTooManyRuns(): boolean {
    // A full compaction holds the others back, and takes all runs in the end.
    return this.runs >= runsStop && this.compactions.retry.failures === 0 && !this.compactions.isFull;
  }

  private get runs(): number {
    return this.surroundings.versions.version.levels[0]?.runs.length ?? 0;
  }

  private stallOnce(failuresBefore: number): void {
    const { versions, health } = this.surroundings;
    health.checkNotPoisoned();
    if (versions.hasPendingInstalls) {
      versions.installNow();
      return;
    }
    this.flushes.retry.giveUp(failuresBefore);
    this.flushes.retry.cancel();
    this.waiting.schedule();
    if (this.flushes.isRunning || this.compactions.isRunning) this.waiting.waitForResult(stallSliceMs);
    else if (this.mustWait && !versions.hasPendingInstalls) {
      throw new VarveError('VARVE_ASSERTION', 'broken invariant: a writer waits while nothing is under way');
    }
  }
}
