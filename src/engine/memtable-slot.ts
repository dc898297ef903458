/**
 * One memtable with its log: what is in memory, how much of it is durable, and which files hold it.
 *
 *   open ── seal ──▶ sealed ── all logged ──▶ flushable ── flush installed ──▶ gone (memory recycled, logs deleted)
 *
 * Segments are the runs of sequences whose sections were unlocked; between them lie sections that were rolled back.
 *
 * Invariants:
 * 1. Segments ascend, do not touch, and hold whole sections.
 * 2. Segments go when they are committed; what is logged may still wait for a later log of the same group.
 * 3. A slot is flushed only when all its segments are committed: tables never hold what is not.
 */
import type { Memtable } from '../memtable/memtable.js';
import type { LogFrame } from '../wal/log-format.js';
import type { LogWriter } from '../wal/log-writer.js';

interface Segment {
  readonly from: number;
  to: number;
}

/** A log file that holds records of a slot, up to `bytes`. */
export interface LogExtent {
  readonly number: number;
  readonly bytes: number;
}

export class MemtableSlot {
  log: LogWriter | undefined;
  isSealed = false;
  /** Asynchronous writes and syncs that still read the arena or the descriptor. */
  operationsInFlight = 0;
  /** The bucket id that comes after those given by this slot's records and all before: goes to the manifest at its flush. */
  nextBucketId = 0;
  private segments: Segment[] = [];
  private unlockedTo: number;
  private logged: number;
  private committedBytes = 0;

  constructor(
    readonly memtable: Memtable,
    /** Number of the slot's own log; the file is created with the first commit that needs it. 0 for what recovery read. */
    readonly logNumber: number,
    /** Logs that recovery read into the memtable; then there is no log of its own. */
    readonly recoveredLogs: readonly LogExtent[] = [],
    private readonly recoveredLastSequence = 0,
  ) {
    this.logged = memtable.nextSequence;
    this.unlockedTo = memtable.firstSequence;
  }

  /** The oldest log that holds records of this slot. */
  get oldestLogNumber(): number {
    return this.recoveredLogs[0]?.number ?? this.logNumber;
  }

  /** The last sequence of an unlocked record of this slot: a section that moved on to the next slot took its sequences along. */
  get lastSequence(): number {
    return Math.max(this.recoveredLastSequence, this.unlockedTo - 1);
  }

  /** Whether a flush may begin: no record comes any more, and all are committed. */
  get isFlushable(): boolean {
    return this.isSealed && this.segments.length === 0;
  }

  /** What may still be written to this slot, in bytes: its log grows by as much. */
  get bytesToCome(): number {
    return this.isSealed ? 0 : this.memtable.freeBytes;
  }

  /** Takes the section with sequences [from, to) as unlocked. */
  addSection(from: number, to: number): void {
    const last = this.segments[this.segments.length - 1];
    if (last !== undefined && last.to === from) last.to = to;
    else this.segments.push({ from, to });
    this.unlockedTo = to;
  }

  /** Frames with everything unlocked below `target` that is not logged yet. */
  framesBelow(target: number): LogFrame[] {
    const frames: LogFrame[] = [];
    for (const segment of this.segments) {
      const from = Math.max(segment.from, this.logged);
      const to = Math.min(segment.to, target);
      if (from < to) frames.push(...this.memtable.pieces(from, to));
    }
    return frames;
  }

  /** Declares everything below `target` durable in this slot's log. */
  markLogged(target: number): void {
    this.logged = Math.max(this.logged, target);
  }

  /** Declares everything below `target`, in this slot and those before, committed. */
  markCommitted(target: number): void {
    this.segments = this.segments.filter((segment) => segment.to > target);
    if (this.log !== undefined) this.committedBytes = this.log.syncedBytes;
  }

  /** The log files of this slot and how much of each is committed. */
  logExtents(): LogExtent[] {
    const own = this.log === undefined ? [] : [{ number: this.log.logNumber, bytes: this.committedBytes }];
    return [...this.recoveredLogs, ...own];
  }
}
