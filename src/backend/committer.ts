/**
 * When commits start: the batch limit, the batch interval, explicit calls, and the hook that runs before each of them.
 *
 *   unlock ─▶ pending counted ─▶ limit reached? ─▶ start
 *                              └▶ timer, if none runs ─▶ due ─▶ start
 *   start: hook (in a section of its own) ─▶ pending = 0 ─▶ request to the log
 *
 * Without a hook a commit starts at once, whether or not a section is open: it takes what is unlocked. With a hook it needs the write
 * lock, so while a section is open it waits for its end.
 *
 * Invariants:
 * 1. The timer runs only while something unlocked has not been requested; it keeps the process alive for that long.
 * 2. Where the hook throws, what it wrote is undone, nothing is requested, and pending operations stay pending.
 * 3. Where the log refuses a commit without having failed (no room on the disk), its sections are tried again with the next commit, and
 *    after the interval.
 */
import { createHistogram, type RecordableHistogram } from 'node:perf_hooks';
import type { BatchTx } from '../api.js';
import type { Engine } from '../engine/engine.js';
import { keepAlive, type Timer } from '../env/clock.js';
import { invalidArgument } from '../errors.js';
import type { SectionLock } from './section-lock.js';

/** Shortest time after which a commit that was refused, by the log or by the hook, is tried again by itself. */
const refusedMsMin = 100;

interface DueCommit {
  readonly resolve: (started: Promise<void>) => void;
  readonly reject: (error: unknown) => void;
  /** Called when the commit has started. */
  readonly onStart: (() => void) | undefined;
  readonly request: () => Promise<void>;
}

export class Committer {
  /** Operations since the last commit started. */
  private pending = 0;
  private requestedSequence: number;
  private timer: Timer | undefined;
  private due: DueCommit[] = [];
  /** Keeps the process alive while a commit waits for the end of a section. */
  private keepAlive: Timer | undefined;
  private hookRuns = false;
  /** Microseconds from the start of a commit to its durability, of those that had something to wait for. */
  readonly latencies: RecordableHistogram = createHistogram();
  /** The transaction that the hook gets; set by its maker. */
  transaction: BatchTx | undefined;

  constructor(
    private readonly engine: Engine,
    private readonly lock: SectionLock,
  ) {
    this.requestedSequence = engine.writes.unlockedSequence;
  }

  /** After a section with that many operations was unlocked. */
  sectionEnded(operations: number): void {
    this.pending += operations;
    const { batchLimit, batchIntervalMs } = this.engine.parts.options;
    if (this.due.length > 0) this.startDue();
    else if (this.pending > 0 && (this.pending >= batchLimit || batchIntervalMs === 0)) this.startInBackground();
    this.armTimer();
  }

  /** After a section was rolled back. */
  sectionUndone(): void {
    if (this.due.length > 0) this.startDue();
    this.armTimer();
  }

  /**
   * Starts a commit, now or at the end of the open section, and resolves when it is durable. `request` says what to ask of the log;
   * absent: everything unlocked.
   */
  commit(onStart?: () => void, request?: () => Promise<void>): Promise<void> {
    const ask = request ?? (() => this.engine.commit());
    if (!this.hasHook || this.hookRuns) return this.start(onStart, ask);
    return new Promise<void>((resolve, reject) => {
      this.due.push({ resolve, reject, onStart, request: ask });
      if (this.lock.isHeld) {
        this.keepAlive ??= keepAlive(this.engine.parts.clock);
        return;
      }
      this.startDue();
      this.lock.passOn();
    });
  }

  /** Before a commit that back-pressure starts within a write: runs the hook, and counts as a start. Throws what the hook throws. */
  beforeCommitInPlace(): void {
    if (this.hookRuns) return;
    if (this.hasHook) this.lock.aside(() => this.runHook());
    this.pending = 0;
    this.requestedSequence = this.engine.writes.unlockedSequence;
  }

  stopTimer(): void {
    this.timer?.cancel();
    this.timer = undefined;
  }

  private endKeepAlive(): void {
    this.keepAlive?.cancel();
    this.keepAlive = undefined;
  }

  private get hasHook(): boolean {
    const { options, health } = this.engine.parts;
    return options.onPreCommit !== undefined && !options.readOnly && !health.isStopped && !health.isClosed;
  }

  /** Starts all commits that waited for the section's end; the hook runs once for them. */
  private startDue(): void {
    const { due } = this;
    this.due = [];
    this.endKeepAlive();
    try {
      this.runHook();
    } catch (error) {
      for (const commit of due) commit.reject(error);
      return;
    }
    for (const { onStart, request, resolve } of due) resolve(this.start(onStart, request));
  }

  /** The request is made before `onStart`, so what stops writes does not stop this commit. */
  private start(onStart: (() => void) | undefined, request: () => Promise<void>): Promise<void> {
    this.pending = 0;
    this.requestedSequence = this.engine.writes.unlockedSequence;
    this.stopTimer();
    const { clock } = this.engine.parts;
    const waits = this.engine.committedSequence < this.requestedSequence;
    const began = clock.now();
    const done = request();
    onStart?.();
    if (!waits) return done;
    const committed = (): void => {
      this.latencies.record(Math.max(1, Math.round((clock.now() - began) * 1000)));
    };
    const failed = (error: unknown): never => {
      this.commitFailed();
      throw error;
    };
    return done.then(committed, failed);
  }

  /** After a commit that came to nothing. Where the log was refused and not poisoned, its sections still wait for one. */
  private commitFailed(): void {
    if (this.engine.parts.health.isPoisoned) return;
    this.requestedSequence = Math.min(this.requestedSequence, this.engine.committedSequence);
    this.armTimer(refusedMsMin);
  }

  /** A commit that nobody awaits: its failure poisons or leaves its sections pending, and the next one tells. */
  private startInBackground(): void {
    this.commit().catch(() => {});
  }

  private runHook(): void {
    const { onPreCommit } = this.engine.parts.options;
    const { writes } = this.engine;
    if (onPreCommit === undefined || !this.hasHook || this.transaction === undefined) return;
    this.lock.take('hook');
    this.hookRuns = true;
    writes.begin();
    try {
      const result: unknown = onPreCommit(this.transaction);
      refuseThenable(result);
      writes.end();
    } catch (error) {
      writes.rollBack();
      throw error;
    } finally {
      this.hookRuns = false;
      this.lock.release();
    }
  }

  private armTimer(delayMsMin = 0): void {
    const { options, clock, health } = this.engine.parts;
    const hasUnrequested = this.engine.writes.unlockedSequence > this.requestedSequence;
    if (this.timer !== undefined || !hasUnrequested || health.isClosed || health.isPoisoned) return;
    this.timer = clock.startTimer(
      Math.max(options.batchIntervalMs, delayMsMin),
      () => {
        this.timer = undefined;
        this.startInBackground();
        // Where the hook threw, the sections are still pending.
        if (!this.lock.isHeld) this.armTimer(refusedMsMin);
      },
      true,
    );
  }
}

/** What must be synchronous gave a promise: refused. Its own failure is not reported twice. */
export function refuseThenable(result: unknown): void {
  const mayHaveThen = (typeof result === 'object' && result !== null) || typeof result === 'function';
  if (!mayHaveThen || !('then' in result) || typeof result.then !== 'function') return;
  Promise.resolve(result).catch(() => {});
  throw invalidArgument('the function is synchronous: it must not return a promise');
}
