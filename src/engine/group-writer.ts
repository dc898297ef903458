/**
 * Group writer: takes what one memtable has to log to the log of that memtable, and makes it durable.
 *
 *   begin ─▶ perform ─▶ completed            the event loop goes on meanwhile
 *               └─ taken over ─▶ completed   by a caller that cannot wait for it, at any point
 *
 * For the first group of a log: the files that a commit relies on are there ─▶ the number of the log is reserved ─▶ the log is created, with
 * the old one's final length in its header ─▶ written, synced with its name ─▶ named by the manifest.
 *
 * Invariants:
 * 1. A step that was taken over is written again as a whole, to the same place; what was under way for it changes nothing any more.
 * 2. Where `begin` throws GroupRefused nothing was written; where it throws anything else the log may hold a part of its header.
 */
import { isOutOfDescriptors, systemErrorCode, VarveError } from '../errors.js';
import type { Clock } from '../env/clock.js';
import type { FileSystem } from '../env/file-system.js';
import { frameHeaderBytes } from '../format/frame-header.js';
import type { LogFrame } from '../wal/log-format.js';
import { roomBytesMax, smallGroupBytesMax } from '../wal/log-room.js';
import { LogWriter, type PreparedGroup } from '../wal/log-writer.js';
import { checkRoom } from './disk-room.js';
import type { LogExtent, MemtableSlot } from './memtable-slot.js';
import { SyncPlace } from './sync-place.js';
import type { VersionStore } from './version-store.js';

/** Groups up to this size are written in place: handing over to another thread and back costs more than the copy. */
const writeInPlaceBytesMax = 256 * 1024;

/** So much must be left on the disk where a log takes room for groups that are to come. */
const spareBytesForRoom = 16 * roomBytesMax;

/** A group on its way. */
export interface GroupStep {
  readonly slot: MemtableSlot;
  readonly log: LogWriter;
  readonly group: PreparedGroup;
  readonly target: number;
  /** Whether the log was made for it. */
  readonly isFirst: boolean;
  /** Set by `finishInPlace`, which did the rest of this step. */
  takenOver: boolean;
}

/** Thrown by `begin`: why a group was not begun. Nothing of it was written. */
export class GroupRefused extends Error {
  constructor(readonly reason: unknown) {
    super('a group was refused before it was written', { cause: reason });
  }
}

export interface GroupSurroundings {
  readonly fileSystem: FileSystem;
  readonly directory: string;
  readonly databaseId: Uint8Array;
  readonly clock: Clock;
  readonly versions: VersionStore;
  /** Whether logs are synced, and not only said to be: then they are worth some room (wal/log-room.ts). */
  readonly syncsLogs: boolean;
  /** Bytes of all memtables: what flushes will write at most. */
  unflushedBytes(): number;
  /** Throws where somebody removed a file that a commit relies on. */
  checkLogsAreThere(): void;
}

/** Writes the groups of one database, one at a time. */
export class GroupWriter {
  /** Bytes given to logs. */
  bytesWritten = 0;
  /** The step that was begun and is not completed. */
  inFlight: GroupStep | undefined;
  private readonly syncPlace: SyncPlace;

  constructor(
    private readonly surroundings: GroupSurroundings,
    /** The newest log that recovery found, which the next new log names. */
    private previousLog: LogExtent,
  ) {
    this.syncPlace = new SyncPlace(surroundings.clock);
  }

  /** Prepares what a slot has to log below `target`. Throws GroupRefused where that cannot be begun. */
  begin(slot: MemtableSlot, target: number): GroupStep | undefined {
    const frames = slot.framesBelow(target);
    if (frames.length === 0) return undefined;
    const { fileSystem, directory, unflushedBytes } = this.surroundings;
    const spareBytes = refusing(() => checkRoom(fileSystem, directory, bytesOf(frames), unflushedBytes())) ?? 0;
    const isFirst = slot.log === undefined;
    const log = slot.log ?? this.createLog(slot);
    // Where the disk is nearly full, what is left of it is for data.
    const mayLayRoom = this.surroundings.syncsLogs && spareBytes >= spareBytesForRoom;
    const group = log.beginGroup(frames, mayLayRoom ? slot.bytesToCome : 0);
    const step = { slot, log, group, target, isFirst, takenOver: false };
    this.inFlight = step;
    this.bytesWritten += group.bytes;
    return step;
  }

  /** Writes and syncs a step. */
  async perform(step: GroupStep): Promise<void> {
    const { slot, log, group } = step;
    slot.operationsInFlight++;
    try {
      if (group.bytes <= writeInPlaceBytesMax) log.writePrepared(group);
      else await log.writePreparedAsync(group);
      if (step.takenOver) return;
      log.completePrepared(group);
      await this.sync(step);
      if (step.isFirst && !step.takenOver) {
        this.surroundings.versions.noteLog(log.logNumber, log.syncedBytes);
        await this.surroundings.versions.syncManifestAsync();
      }
    } finally {
      slot.operationsInFlight--;
    }
    if (!step.takenOver) this.complete(step);
  }

  /** Does all of a step, or what is left of one that is performed, without the event loop. */
  finishInPlace(step: GroupStep): void {
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

  /** Whether a step takes no more than a short sync: no directory or manifest goes along, and no room is laid. */
  private isSmall({ group, isFirst }: GroupStep): boolean {
    return this.surroundings.syncsLogs && !isFirst && group.roomBytes === 0 && group.bytes <= smallGroupBytesMax;
  }

  private async sync(step: GroupStep): Promise<void> {
    const { log } = step;
    const { syncPlace } = this;
    const { clock } = this.surroundings;
    const isSmall = this.isSmall(step);
    const isInPlace = isSmall && syncPlace.isInPlace;
    const began = clock.now();
    if (isInPlace) log.sync();
    else await log.syncAsync();
    if (isSmall) syncPlace.noteSync(clock.now() - began, isInPlace);
    // Commits that are awaited one after the other would keep everybody else from the loop.
    if (isInPlace) await new Promise((resolve) => setImmediate(resolve));
  }

  private complete(step: GroupStep): void {
    step.slot.markLogged(step.target);
    this.previousLog = { number: step.log.logNumber, bytes: step.log.syncedBytes };
    if (this.inFlight === step) this.inFlight = undefined;
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
        slot.log = LogWriter.create(fileSystem, directory, header, beforeWrite);
        return slot.log;
      } catch (error) {
        if (isCreated) throw error;
        if (systemErrorCode(error) === 'EEXIST') throw new GroupRefused(foreignLogError(error));
        if (attemptsLeft === 0 || !isOutOfDescriptors(systemErrorCode(error))) throw new GroupRefused(error);
        // A log goes before tables that are open for reading.
        versions.freeDescriptors();
      }
    }
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
function refusing<Result>(check: () => Result): Result {
  try {
    return check();
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
