/**
 * Replaying the logs that an earlier process left: whole groups, in order, into memtables.
 *
 *   logs ≥ oldestLogNumber, ascending ─▶ chain checked ─▶ groups ─▶ memtables (each sealed when it is full)
 *
 * What the chain is, and what of it is missing: log-chain.ts.
 *
 * Invariants:
 * 1. A group is indexed whole or not at all.
 * 2. Memory: the memtables (the caller may flush them as they come), one read window, and one group.
 * 3. Within a memtable sequences are given anew without gaps (a rollback may have left some): never above those that the records
 *    once had, and `lastSequence` is in terms of those, so a flush of it divides the log in the same place at every recovery.
 * 4. Frames whose records are in tables already are passed over.
 * 5. Time is linear in the logs, and the event loop goes on: after some hundred records others go first once a slice is over.
 */
import { corruption } from '../errors.js';
import type { Clock } from '../env/clock.js';
import { Slices } from '../env/slices.js';
import { readBucketId } from '../format/internal-key.js';
import { catalogBucketId } from '../limits.js';
import { Memtable } from '../memtable/memtable.js';
import { checkRecord, kindTombstone, recordHeaderBytes } from '../memtable/record.js';
import { LogReader } from '../wal/log-reader.js';
import { BucketCatalog } from './bucket-catalog.js';
import { type ChainedLog, chainLogs, type LogChainSource } from './log-chain.js';
import type { LogExtent } from './memtable-slot.js';

/** Frames and records between two looks at the clock. */
const workPerLook = 512;

export interface RecoveredMemtable {
  readonly memtable: Memtable;
  readonly logs: readonly LogExtent[];
  readonly nextBucketId: number;
  /** The last sequence that its records had in the log. */
  readonly lastSequence: number;
}

export interface RecoverySource extends LogChainSource {
  readonly memtableBytes: number;
  /** First sequence that no table uses. */
  readonly nextSequence: number;
  readonly catalog: BucketCatalog;
  readonly clock: Clock;
}

export interface RecoveredLogs {
  /** All logs that were read, the empty ones included. */
  readonly logs: readonly LogExtent[];
  readonly nextSequence: number;
}

/** A frame whose group is not whole yet. */
interface WaitingFrame {
  readonly fileOffset: number;
  readonly address: number;
  readonly bytes: Buffer;
  readonly offset: number;
  readonly lengthBytes: number;
  readonly entryCount: number;
}

class LogReplay {
  readonly logs: LogExtent[] = [];
  nextSequence: number;
  private memtable: Memtable | undefined;
  private memtableLogs: LogExtent[] = [];
  private waiting: WaitingFrame[] = [];
  private catalog: BucketCatalog;
  private readonly slices: Slices;
  /** Frames and records since the clock was looked at. */
  private unseenWork = 0;

  constructor(
    private readonly source: RecoverySource,
    private readonly onFull: (memtable: RecoveredMemtable) => Promise<void>,
  ) {
    this.nextSequence = source.nextSequence;
    this.catalog = source.catalog;
    this.slices = new Slices(source.clock);
  }

  async read(log: ChainedLog): Promise<void> {
    const { fileSystem, directory, databaseId } = this.source;
    const { requiredBytes, durableBytes } = log;
    const reader = LogReader.open(fileSystem, directory, log.number, databaseId, { requiredBytes, durableBytes });
    let indexed = false;
    try {
      for (;;) {
        let place: { bytes: Buffer; offset: number; address: number } | undefined;
        const frame = reader.next((bytes) => {
          place = this.current().allocateRecords(bytes);
          return place.bytes.subarray(place.offset, place.offset + bytes);
        });
        if (frame === undefined || place === undefined) break;
        const { address, bytes, offset } = place;
        const { entryCount } = frame;
        this.waiting.push({ fileOffset: frame.offset, address, bytes, offset, lengthBytes: frame.payload.length, entryCount });
        if (this.isTimeToLook(1)) await this.slices.giveWay();
        if (!frame.endsGroup) continue;
        const endSequence = frame.firstSequence + entryCount;
        if (endSequence > this.source.nextSequence) {
          this.nextSequence = Math.max(this.nextSequence, endSequence);
          for (const steps of this.indexGroup(reader.fileName)) if (this.isTimeToLook(steps)) await this.slices.giveWay();
          indexed = true;
        }
        this.waiting = [];
        if (this.current().isFull) await this.finishMemtable({ number: log.number, bytes: reader.validBytes });
      }
      this.waiting = [];
      const extent = { number: log.number, bytes: reader.validBytes };
      this.logs.push(extent);
      if (indexed && this.memtable !== undefined) this.memtableLogs.push(extent);
    } finally {
      reader.close();
    }
  }

  /** Seals what is left. */
  async end(): Promise<void> {
    if (this.memtable !== undefined && this.memtable.recordCount > 0) await this.finishMemtable(undefined);
  }

  /** Forgets what was begun within a damaged log. Of buckets too: what it would have told of them is not known. */
  passOver(): void {
    this.waiting = [];
    this.catalog = new BucketCatalog(this.catalog.nextBucketId);
  }

  private isTimeToLook(work: number): boolean {
    this.unseenWork += work;
    if (this.unseenWork < workPerLook) return false;
    this.unseenWork = 0;
    return this.slices.isOver;
  }

  private current(): Memtable {
    this.memtable ??= new Memtable(this.nextSequence, this.source.memtableBytes);
    return this.memtable;
  }

  private async finishMemtable(log: LogExtent | undefined): Promise<void> {
    const memtable = this.current();
    const logs = log === undefined ? this.memtableLogs : [...this.memtableLogs, log];
    this.memtable = undefined;
    this.memtableLogs = [];
    if (memtable.recordCount === 0) return;
    await this.onFull({ memtable, logs, nextBucketId: this.source.catalog.nextBucketId, lastSequence: this.nextSequence - 1 });
  }

  /** Indexes the group that waits; now and then gives the number of records since the last time. */
  private *indexGroup(file: string): Generator<number, void> {
    let since = 0;
    for (const frame of this.waiting) {
      let at = frame.offset;
      const end = frame.offset + frame.lengthBytes;
      let count = 0;
      for (; at < end; count++) {
        const length = checkRecord(frame.bytes, at, end);
        if (typeof length === 'string') throw corruption(file, frame.fileOffset, length);
        const sequence = this.current().nextSequence;
        this.current().addRecord(frame.address + (at - frame.offset) / 8);
        const problem = this.noteBucket(frame.bytes, at, sequence);
        if (problem !== undefined) throw corruption(file, frame.fileOffset, problem);
        at += length;
        if (++since < workPerLook) continue;
        yield since;
        since = 0;
      }
      if (count !== frame.entryCount)
        throw corruption(file, frame.fileOffset, `a frame holds ${count} records, its header says ${frame.entryCount}`);
    }
    yield since;
  }

  /** Buckets that records of the catalogue create and delete; in words, what is wrong with the record. */
  private noteBucket(bytes: Buffer, offset: number, sequence: number): string | undefined {
    const keyStart = offset + recordHeaderBytes;
    const keyEnd = keyStart + bytes.readUInt16LE(offset + 4);
    if (readBucketId(bytes, keyStart, keyEnd) !== catalogBucketId) return undefined;
    const name = Buffer.from(bytes.subarray(keyStart + 1, keyEnd));
    if (bytes[offset + 6] !== kindTombstone) {
      const id = bytes.subarray(keyEnd, keyEnd + bytes.readUInt32LE(offset));
      return this.catalog.recoverCreated(name, sequence, id);
    }
    const existing = this.catalog.find(name.toString('latin1'), sequence);
    if (existing !== undefined) this.catalog.markDeleted(existing, sequence);
    return undefined;
  }
}

/**
 * Reads all logs. `onFull` gets each memtable, oldest first, as soon as it is full, and the last one; it may flush before it resolves,
 * so that memory does not grow. Damage is VARVE_CORRUPTION, a log of another release VARVE_UNSUPPORTED_VERSION: it is thrown, or
 * goes to `onDamage`, where there is one, and reading goes on with the next log.
 */
export async function recoverLogs(
  source: RecoverySource,
  onFull: (memtable: RecoveredMemtable) => Promise<void>,
  onDamage: (error: unknown) => void = rethrow,
): Promise<RecoveredLogs> {
  const replay = new LogReplay(source, onFull);
  for (const log of chainLogs(source, onDamage)) {
    try {
      await replay.read(log);
    } catch (error) {
      onDamage(error);
      replay.passOver();
    }
  }
  await replay.end();
  return { logs: replay.logs, nextSequence: replay.nextSequence };
}

function rethrow(error: unknown): never {
  throw error;
}
