/**
 * Replaying the logs that an earlier process left: whole groups, in order, into memtables.
 *
 *   logs ≥ oldestLogNumber, ascending ─▶ chain checked ─▶ groups ─▶ memtables (each sealed when it is full)
 *
 * Each log names the log before it and the length that it had when it was complete and synced, so a missing log, or one that
 * lost its end, is told from the unsynced tail of the last one (Lesson: most stores once had a hole here).
 *
 * Invariants:
 * 1. A group is indexed whole or not at all.
 * 2. Memory: the memtables (the caller may flush them as they come), one read window, and one group.
 * 3. Within a memtable sequences are given anew without gaps (a rollback may have left some): never above those that the records
 *    once had, and `lastSequence` is in terms of those, so a flush of it divides the log in the same place at every recovery.
 * 4. Frames whose records are in tables already are passed over.
 */
import { corruption } from '../errors.js';
import type { FileSystem } from '../env/file-system.js';
import { logFileName } from '../format/file-names.js';
import { readBucketId } from '../format/internal-key.js';
import { catalogBucketId } from '../limits.js';
import { Memtable } from '../memtable/memtable.js';
import { checkRecord, kindTombstone, recordHeaderBytes } from '../memtable/record.js';
import { LogReader, readLogHeader } from '../wal/log-reader.js';
import type { BucketCatalog } from './bucket-catalog.js';
import type { LogExtent } from './memtable-slot.js';

export interface RecoveredMemtable {
  readonly memtable: Memtable;
  readonly logs: readonly LogExtent[];
  readonly nextBucketId: number;
  /** The last sequence that its records had in the log. */
  readonly lastSequence: number;
}

export interface RecoverySource {
  readonly fileSystem: FileSystem;
  readonly directory: string;
  readonly databaseId: Uint8Array;
  readonly oldestLogNumber: number;
  /** What the manifest knows of the newest log: see ManifestState. */
  readonly newestLogNumber: number;
  readonly newestLogBytes: number;
  /** Numbers of the log files in the directory. */
  readonly logNumbers: readonly number[];
  readonly memtableBytes: number;
  /** First sequence that no table uses. */
  readonly nextSequence: number;
  readonly catalog: BucketCatalog;
}

export interface RecoveredLogs {
  /** All logs that were read, the empty ones included. */
  readonly logs: readonly LogExtent[];
  readonly nextSequence: number;
}

interface ChainedLog {
  readonly number: number;
  /** Length that must be valid, where the next log says so. */
  requiredBytes: number;
  /** Length that is durable, where the manifest knows. */
  readonly durableBytes: number | undefined;
}

/** The logs to be read, in order, with what each must hold. Logs without a whole header have nothing that was ever acknowledged. */
function chainLogs(source: RecoverySource): ChainedLog[] {
  const { fileSystem, directory, databaseId, oldestLogNumber } = source;
  const chain: ChainedLog[] = [];
  const numbers = source.logNumbers.filter((number) => number >= oldestLogNumber).sort((a, b) => a - b);
  for (const number of numbers) {
    const header = readLogHeader(fileSystem, directory, number, databaseId);
    if (header !== undefined && header.previousLogNumber >= oldestLogNumber && header.previousLogNumber > 0) {
      const previous = chain.find((log) => log.number === header.previousLogNumber);
      if (previous === undefined) {
        throw corruption(
          logFileName(header.previousLogNumber),
          undefined,
          `the log is missing: ${logFileName(number)} comes after it`,
        );
      }
      previous.requiredBytes = header.previousLogBytes;
    }
    chain.push({ number, requiredBytes: 0, durableBytes: number === source.newestLogNumber ? source.newestLogBytes : undefined });
  }
  const { newestLogNumber } = source;
  if (newestLogNumber > 0 && newestLogNumber >= oldestLogNumber && !numbers.includes(newestLogNumber)) {
    throw corruption(logFileName(newestLogNumber), undefined, 'the log is missing: the manifest names it');
  }
  return chain;
}

/** A frame whose group is not whole yet. */
interface WaitingFrame {
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

  constructor(
    private readonly source: RecoverySource,
    private readonly onFull: (memtable: RecoveredMemtable) => Promise<void>,
  ) {
    this.nextSequence = source.nextSequence;
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
        this.waiting.push({ address, bytes, offset, lengthBytes: frame.payload.length, entryCount: frame.entryCount });
        if (!frame.endsGroup) continue;
        const endSequence = frame.firstSequence + frame.entryCount;
        if (endSequence > this.source.nextSequence) {
          this.nextSequence = Math.max(this.nextSequence, endSequence);
          this.indexGroup(reader.fileName);
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

  private indexGroup(file: string): void {
    for (const frame of this.waiting) {
      let at = frame.offset;
      const end = frame.offset + frame.lengthBytes;
      let count = 0;
      for (; at < end; count++) {
        const length = checkRecord(frame.bytes, at, end);
        if (typeof length === 'string') throw corruption(file, undefined, length);
        const sequence = this.current().nextSequence;
        this.current().indexRecord(frame.address + (at - frame.offset) / 8);
        this.noteBucket(file, frame.bytes, at, sequence);
        at += length;
      }
      if (count !== frame.entryCount)
        throw corruption(file, undefined, `a frame holds ${count} records, its header says ${frame.entryCount}`);
    }
  }

  /** Buckets that records of the catalogue create and delete. */
  private noteBucket(file: string, bytes: Buffer, offset: number, sequence: number): void {
    const keyStart = offset + recordHeaderBytes;
    const keyEnd = keyStart + bytes.readUInt16LE(offset + 4);
    if (readBucketId(bytes, keyStart, keyEnd) !== catalogBucketId) return;
    const { catalog } = this.source;
    const name = Buffer.from(bytes.subarray(keyStart + 1, keyEnd));
    const nameKey = name.toString('latin1');
    const existing = catalog.find(nameKey, sequence);
    if (bytes[offset + 6] === kindTombstone) {
      if (existing !== undefined) catalog.markDeleted(existing, sequence);
      return;
    }
    if (bytes.readUInt32LE(offset) !== 4) throw corruption(file, undefined, 'a bucket has an id that is not four bytes long');
    if (existing !== undefined) throw corruption(file, undefined, 'a bucket is created that exists');
    catalog.add(catalog.create(name, nameKey, sequence, bytes.readUInt32BE(keyEnd)));
  }
}

/**
 * Reads all logs. `onFull` gets each memtable, oldest first, as soon as it is full, and the last one; it may flush before it resolves,
 * so that memory does not grow. Damage throws VARVE_CORRUPTION, logs of another release VARVE_UNSUPPORTED_VERSION.
 */
export async function recoverLogs(
  source: RecoverySource,
  onFull: (memtable: RecoveredMemtable) => Promise<void>,
): Promise<RecoveredLogs> {
  const replay = new LogReplay(source, onFull);
  for (const log of chainLogs(source)) await replay.read(log);
  await replay.end();
  return { logs: replay.logs, nextSequence: replay.nextSequence };
}
