/**
 * Group commit: what was unlocked goes to the log and becomes durable, one group at a time.
 *
 *   request(sequence) ─▶ [ gather: everything unlocked below the requested sequence ]
 *                          │   while a group is under way, later requests wait for the next one
 *                          ▼
 *                        one write a log ─▶ one fdatasync a log ─▶ committed, waiters resolve ─▶ next group
 *
 * The order of durable steps, for a group that spans the end of one log and the beginning of the next: old log written, old log
 * synced, new log created with the old one's final length in its header, written, synced (with its name), named by the manifest.
 *
 * A caller that cannot wait for the event loop (back-pressure inside a synchronous call) takes over by `commitNow`: it writes
 * the group that is in flight again, to the same place, syncs, and goes on with the rest.
 *
 * Invariants:
 * 1. `committedSequence` never goes back and never passes what is durable.
 * 2. Sections are never split: a target is always the end of an unlocked section.
 * 3. The first failure of a write or sync poisons: its waiters get that error, everybody later gets VARVE_POISONED. A header that
 *    cannot be written to a new log is such a failure, although its file is removed again.
 * 4. A group that was refused before anything of it was written (no room on the disk, files that somebody removed, or a new log that
 *    cannot be created: no descriptor, no inode) poisons nothing: everybody who waits gets that error, the sections stay pending, the
 *    next commit tries again. Parts of the group that lie in older logs may be durable by then, and are not written twice.
 */
import { systemErrorCode, VarveError } from '../errors.js';
import { CommitWaiters } from './commit-waiters.js';
import { GroupRefused, type GroupStep, type GroupSurroundings, GroupWriter } from './group-writer.js';
import type { Health } from './health.js';
import type { LogExtent, MemtableSlot } from './memtable-slot.js';
import type { Observer } from './observer.js';

export interface CommitSurroundings extends GroupSurroundings {
  readonly health: Health;
  readonly observer: Observer;
  /** All slots, oldest first. */
  slots(): readonly MemtableSlot[];
  /** Called after each group. */
  onCommitted(): void;
  /** Called when the log failed. */
  onPoisoned(error: unknown): void;
  /** Resolves after the time that a commit of `bytes` is held back while background work is behind. */
  holdBack(bytes: number): Promise<void> | undefined;
}

export class CommitQueue {
  /** Next sequence after all that is durable. */
  committedSequence: number;
  /** Commits that wrote something. */
  commits = 0;
  private readonly writer: GroupWriter;
  private readonly waiters = new CommitWaiters();
  private requested: number;
  /** `bytesWritten` at the end of the last group. */
  private bytesFinished = 0;
  private loop: Promise<void> | undefined;
  /** When the group began that is on its way, and what was written before it; only where somebody watches. */
  private groupStart: { readonly began: number; readonly bytesBefore: number } | undefined;

  constructor(
    private readonly surroundings: CommitSurroundings,
    nextSequence: number,
    /** The newest log that recovery found, which the next new log names. */
    previousLog: LogExtent,
  ) {
    this.writer = new GroupWriter(surroundings, previousLog);
    this.committedSequence = nextSequence;
    this.requested = nextSequence;
  }

  /** Bytes given to logs. */
  get bytesWritten(): number {
    return this.writer.bytesWritten;
  }

  /** Starts to commit everything unlocked below `sequence`, and returns at once. */
  request(sequence: number): void {
    if (sequence > this.requested) this.requested = sequence;
    if (this.loop === undefined && !this.surroundings.health.isPoisoned && this.requested > this.committedSequence) {
      this.loop = this.run();
    }
  }

  /** Resolves when everything below `sequence` is durable. */
  waitFor(sequence: number): Promise<void> {
    const { health } = this.surroundings;
    if (health.isPoisoned) return Promise.reject(health.poisonError());
    if (this.committedSequence >= sequence) return Promise.resolve();
    const waited = this.waiters.wait(sequence);
    this.request(sequence);
    return waited;
  }

  /**
   * Commits everything below `sequence`, which is what is unlocked now, and calls `onReached` when that is committed and nothing
   * else: a group ends there. Resolves afterwards.
   */
  commitExactly(sequence: number, onReached: () => void): Promise<void> {
    const { health } = this.surroundings;
    if (health.isPoisoned) return Promise.reject(health.poisonError());
    if (this.committedSequence === sequence) {
      onReached();
      return Promise.resolve();
    }
    const waited = this.waiters.wait(sequence, onReached);
    this.request(sequence);
    return waited;
  }

  /** Commits everything requested and all of the given slots, without the event loop. Throws where it fails, or is refused. */
  commitNow(sequence: number): void {
    this.surroundings.health.checkNotPoisoned();
    if (sequence > this.requested) this.requested = sequence;
    try {
      while (this.committedSequence < this.requested) this.commitGroupNow(this.nextTarget());
    } catch (error) {
      throw this.fail(error);
    }
  }

  /** Resolves when no group is on its way. */
  async idle(): Promise<void> {
    while (this.loop !== undefined) await this.loop;
  }

  private async run(): Promise<void> {
    // The rest of this turn may unlock more: it joins the first group.
    await undefined;
    try {
      while (this.requested > this.committedSequence) {
        this.surroundings.health.checkNotPoisoned();
        const target = this.nextTarget();
        let wrote = false;
        let takenOver = false;
        for (const slot of [...this.surroundings.slots()]) {
          const step = this.begin(slot, target);
          if (step === undefined) continue;
          await this.writer.perform(step);
          wrote = true;
          ({ takenOver } = step);
          if (takenOver) break;
        }
        // Who took over has finished the group, or was refused in the middle of it.
        if (!takenOver && this.committedSequence < target) this.finish(target, wrote);
      }
    } catch (error) {
      this.fail(error);
    }
    this.loop = undefined;
  }

  /** Where the next group ends: at everything requested, unless somebody needs an end before. */
  private nextTarget(): number {
    return this.waiters.endBefore(this.writer.inFlight?.target ?? this.requested, this.committedSequence);
  }

  private commitGroupNow(target: number): void {
    let wrote = false;
    if (this.writer.inFlight !== undefined) {
      this.writer.finishInPlace(this.writer.inFlight);
      wrote = true;
    }
    for (const slot of this.surroundings.slots()) {
      const step = this.begin(slot, target);
      if (step === undefined) continue;
      this.writer.finishInPlace(step);
      wrote = true;
    }
    this.finish(target, wrote);
  }

  private begin(slot: MemtableSlot, target: number): GroupStep | undefined {
    const { observer, clock } = this.surroundings;
    const began = observer.commit.hasSubscribers ? clock.now() : undefined;
    const step = this.writer.begin(slot, target);
    if (step !== undefined && began !== undefined) {
      this.groupStart ??= { began, bytesBefore: this.bytesWritten - step.group.bytes };
    }
    return step;
  }

  private finish(target: number, wrote: boolean): void {
    // The manifest may have failed while the log was synced.
    this.surroundings.health.checkNotPoisoned();
    this.committedSequence = target;
    if (wrote) this.commits++;
    const { groupStart } = this;
    this.groupStart = undefined;
    const groupBytes = this.bytesWritten - this.bytesFinished;
    this.bytesFinished = this.bytesWritten;
    for (const slot of this.surroundings.slots()) slot.markCommitted(target);
    this.waiters.tellReached(target);
    this.surroundings.onCommitted();
    if (groupStart !== undefined) this.tell(groupStart);
    const resolveReady = this.waiters.takeReady(target);
    if (resolveReady === undefined) return;
    const held = this.surroundings.holdBack(groupBytes);
    if (held === undefined) resolveReady();
    else void held.then(resolveReady);
  }

  private tell({ began, bytesBefore }: { readonly began: number; readonly bytesBefore: number }): void {
    const { observer, clock, directory: database } = this.surroundings;
    observer.commit.publish({ database, durationMs: clock.now() - began, bytesWritten: this.bytesWritten - bytesBefore });
  }

  /** Tells everybody who waits what came in the way, and returns what the caller is told. */
  private fail(error: unknown): unknown {
    if (error instanceof GroupRefused) {
      // Nobody asks for these sections any more; they stay pending, and the next request includes them.
      this.requested = this.committedSequence;
      this.groupStart = undefined;
      this.waiters.rejectAll(error.reason);
      return error.reason;
    }
    const first = !this.surroundings.health.isPoisoned;
    this.surroundings.health.poison(error);
    this.waiters.rejectAll(first ? commitError(error) : this.surroundings.health.poisonError());
    if (first) this.surroundings.onPoisoned(error);
    return error;
  }
}

/** What the commit that met the failure is told: a full disk by name, everything else as it is. */
function commitError(error: unknown): unknown {
  if (error instanceof VarveError && error.code !== 'VARVE_POISONED') return error;
  const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
  const isFull = systemErrorCode(error) === 'ENOSPC';
  return new VarveError(isFull ? 'VARVE_NO_SPACE' : 'VARVE_IO', 'the commit failed: its data may be lost', { cause });
}
