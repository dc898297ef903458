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
import { isOutOfDescriptors, systemErrorCode, VarveError } from '../errors.js';
import type { Clock } from '../env/clock.js';
import type { FileSystem } from '../env/file-system.js';
import { frameHeaderBytes } from '../format/frame-header.js';
import type { LogFrame } from '../wal/log-format.js';
import type { LogWriter, PreparedGroup } from '../wal/log-writer.js';
import { LogWriter as Writer } from '../wal/log-writer.js';
import { checkRoom } from './disk-room.js';
import type { Health } from './health.js';
import type { LogExtent, MemtableSlot } from './memtable-slot.js';
import type { Observer } from './observer.js';
import type { VersionStore } from './version-store.js';

/** Groups up to this size are written in place: handing over to another thread and back costs more than the copy. */
const writeInPlaceBytesMax = 256 * 1024;

interface Waiter {
  readonly sequence: number;
  /** Called in the moment in which exactly what is below `sequence` is committed. */
  readonly onReached?: () => void;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** A group on its way. */
interface Step {
  readonly slot: MemtableSlot;
  readonly log: LogWriter;
  readonly group: PreparedGroup;
  readonly target: number;
  /** Whether the log was made for it. */
  readonly isFirst: boolean;
  /** Set by `commitNow`, which did the rest of this step. */
  takenOver: boolean;
}

/** Thrown by `begin`: why a group was not begun. Nothing of it was written. */
class GroupRefused extends Error {
  constructor(readonly reason: unknown) {
    super('a group was refused before it was written', { cause: reason });
  }
}

export interface CommitSurroundings {
  readonly fileSystem: FileSystem;
  readonly directory: string;
  readonly databaseId: Uint8Array;
  readonly health: Health;
  readonly clock: Clock;
  readonly observer: Observer;
  readonly versions: VersionStore;
  /** All slots, oldest first. */
  slots(): readonly MemtableSlot[];
  /** Bytes of all memtables: what flushes will write at most. */
  unflushedBytes(): number;
  /** Throws where somebody removed a file that a commit relies on. */
  checkLogsAreThere(): void;
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
  bytesWritten = 0;
  private requested: number;
  /** `bytesWritten` at the end of the last group. */
  private bytesFinished = 0;
  private waiters: Waiter[] = [];
  private loop: Promise<void> | undefined;
  private inFlight: Step | undefined;
  /** When the group began that is on its way, and what was written before it; only where somebody watches. */
  private groupStart: { readonly began: number; readonly bytesBefore: number } | undefined;

  constructor(
    private readonly surroundings: CommitSurroundings,
    nextSequence: number,
    /** The newest log that recovery found, which the next new log names. */
    private previousLog: LogExtent,
  ) {
    this.committedSequence = nextSequence;
    this.requested = nextSequence;
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
    return new Promise((resolve, reject) => {
      this.waiters.push({ sequence, resolve, reject });
      this.request(sequence);
    });
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
    return new Promise((resolve, reject) => {
      this.waiters.push({ sequence, onReached, resolve, reject });
      this.request(sequence);
    });
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
          await this.perform(step);
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
    let target = this.inFlight?.target ?? this.requested;
    for (const waiter of this.waiters) {
      if (waiter.onReached !== undefined && waiter.sequence > this.committedSequence) target = Math.min(target, waiter.sequence);
    }
    return target;
  }

  private commitGroupNow(target: number): void {
    let wrote = false;
    if (this.inFlight !== undefined) {
      this.finishInPlace(this.inFlight);
      wrote = true;
    }
    for (const slot of this.surroundings.slots()) {
      const step = this.begin(slot, target);
      if (step === undefined) continue;
      this.finishInPlace(step);
      wrote = true;
    }
    this.finish(target, wrote);
  }

  /** Prepares what a slot has to log. Throws GroupRefused where that cannot be begun. */
  private begin(slot: MemtableSlot, target: number): Step | undefined {
    const frames = slot.framesBelow(target);
    if (frames.length === 0) return undefined;
    const { fileSystem, directory, observer, clock, unflushedBytes } = this.surroundings;
    refusing(() => checkRoom(fileSystem, directory, bytesOf(frames), unflushedBytes()));
    if (observer.commit.hasSubscribers) this.groupStart ??= { began: clock.now(), bytesBefore: this.bytesWritten };
    const isFirst = slot.log === undefined;
    const log = slot.log ?? this.createLog(slot);
    const step = { slot, log, group: log.beginGroup(frames), target, isFirst, takenOver: false };
    this.inFlight = step;
    this.bytesWritten += step.group.bytes;
    return step;
  }

  private createLog(slot: MemtableSlot): LogWriter {
    const { fileSystem, directory, databaseId, versions } = this.surroundings;
    // Cheap at a new log, not at each commit.
    refusing(() => this.surroundings.checkLogsAreThere());
    // Barrier: no later log may have this number, whatever a crash leaves of this one.
    versions.reserveNumber(slot.logNumber);
    const header = {
      databaseId,
      logNumber: slot.logNumber,
      previousLogNumber: this.previousLog.number,
      previousLogBytes: this.previousLog.bytes,
      firstSequence: slot.memtable.firstSequence,
    };
    for (let attemptsLeft = 1; ; attemptsLeft--) {
      let isCreated = false;
      const beforeWrite = (): void => {
        isCreated = true;
      };
      try {
        slot.log = Writer.create(fileSystem, directory, header, beforeWrite);
        return slot.log;
      } catch (error) {
        if (isCreated) throw error;
        if (systemErrorCode(error) === 'EEXIST') throw new GroupRefused(foreignLogError(error));
        if (attemptsLeft === 0 || !isOutOfDescriptors(systemErrorCode(error))) throw new GroupRefused(error);
        // A log goes before tables that are open for reading.
        this.surroundings.versions.freeDescriptors();
      }
    }
  }

  private async perform(step: Step): Promise<void> {
    const { slot, log, group } = step;
    slot.operationsInFlight++;
    try {
      if (group.bytes <= writeInPlaceBytesMax) log.writePrepared(group);
      else await log.writePreparedAsync(group);
      if (step.takenOver) return;
      log.completePrepared(group);
      await log.syncAsync();
      if (step.isFirst && !step.takenOver) {
        this.surroundings.versions.noteLog(log.logNumber, log.syncedBytes);
        await this.surroundings.versions.syncManifestAsync();
      }
    } finally {
      slot.operationsInFlight--;
    }
    if (!step.takenOver) this.complete(step);
  }

  private finishInPlace(step: Step): void {
    step.takenOver = true;
    step.log.writePrepared(step.group);
    step.log.completePrepared(step.group);
    step.log.sync();
    if (step.isFirst) {
      this.surroundings.versions.noteLog(step.log.logNumber, step.log.syncedBytes);
      this.surroundings.versions.syncManifest();
    }
    this.complete(step);
  }

  private complete(step: Step): void {
    step.slot.markLogged(step.target);
    this.previousLog = { number: step.log.logNumber, bytes: step.log.syncedBytes };
    if (this.inFlight === step) this.inFlight = undefined;
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
    for (const waiter of this.waiters) if (waiter.sequence === target) waiter.onReached?.();
    this.surroundings.onCommitted();
    if (groupStart !== undefined) this.tell(groupStart);
    const ready = this.waiters.filter((waiter) => waiter.sequence <= target);
    if (ready.length === 0) return;
    this.waiters = this.waiters.filter((waiter) => waiter.sequence > target);
    const held = this.surroundings.holdBack(groupBytes);
    if (held === undefined) for (const waiter of ready) waiter.resolve();
    else void held.then(() => ready.forEach((waiter) => waiter.resolve()));
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
      this.rejectAll(error.reason);
      return error.reason;
    }
    const first = !this.surroundings.health.isPoisoned;
    this.surroundings.health.poison(error);
    this.rejectAll(first ? commitError(error) : this.surroundings.health.poisonError());
    if (first) this.surroundings.onPoisoned(error);
    return error;
  }

  private rejectAll(reason: unknown): void {
    const { waiters } = this;
    this.waiters = [];
    for (const waiter of waiters) waiter.reject(reason);
  }
}

/** Numbers above all names were given out, so the file appeared since: whoever made it may be a second owner, and is not passed by. */
function foreignLogError(cause: unknown): VarveError {
  const { file } = cause as VarveError;
  const who = `${file} is there already, and this database did not make it`;
  const message = `${who}: nothing is committed that needs a new log until it is moved away`;
  return new VarveError('VARVE_IO', message, { file, cause });
}

/** Does what comes before the first byte of a group: its failure refuses the group. */
function refusing(check: () => void): void {
  try {
    check();
  } catch (error) {
    throw new GroupRefused(error);
  }
}

/** Length of frames as they will stand in a log. */
function bytesOf(frames: readonly LogFrame[]): number {
  let bytes = frames.length * frameHeaderBytes;
  for (const { pieces } of frames) for (const piece of pieces) bytes += piece.length;
  return bytes;
}

/** What the commit that met the failure is told: a full disk by name, everything else as it is. */
function commitError(error: unknown): unknown {
  if (error instanceof VarveError && error.code !== 'VARVE_POISONED') return error;
  const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
  const isFull = systemErrorCode(error) === 'ENOSPC';
  return new VarveError(isFull ? 'VARVE_NO_SPACE' : 'VARVE_IO', 'the commit failed: its data may be lost', { cause });
}
