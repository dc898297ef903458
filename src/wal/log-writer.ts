/**
 * Writes one log: whole groups, each with one write, and the promises about what is durable. Layout: log-format.ts.
 *
 *   create ─▶ [ beginGroup ─▶ writePrepared | writePreparedAsync ─▶ completePrepared ]* ─▶ sync? ─▶ appendClose?
 *          ─▶ cutRoom? ─▶ close
 *
 * Writes are positional: while the asynchronous write of a group is in flight, the same group may be written again by
 * `writePrepared`, with the same bytes to the same place, by a caller that can wait no longer. `appendGroup` and
 * `appendGroupAsync` do the three steps in one.
 *
 * **Invariants:**
 * 1. One group is prepared at a time; the next begins where it ended.
 * 2. A frame promises `syncedBytes` as it was when its group began: never more than what was durable.
 * 3. After a failed write or sync nothing is written any more (append-file.ts, invariant 3).
 * 4. Where the caller never syncs, no frame promises anything, and no recovery will call lost bytes damage.
 * 5. Room (log-room.ts) is laid by `writePrepared` alone, and only before its group is complete: an asynchronous write that was overtaken
 *    ends when it likes.
 */
import type { FileSystem } from '../env/file-system.js';
import { assert } from '../errors.js';
import { checksum64, checksum64OfPieces } from '../format/checksum.js';
import { logFileName } from '../format/file-names.js';
import { closeFlag, FrameCodec, frameHeaderBytes, groupEndFlag } from '../format/frame-header.js';
import { AppendFile } from './append-file.js';
import { encodeLogHeader, type LogFrame, type LogHeader, logFrameMagic } from './log-format.js';
import { roomBytesBehind, zerosOf } from './log-room.js';

/** A group that has its place in the file and its headers, ready to be written as often as needed. */
export interface PreparedGroup {
  /** Headers and payloads as they will stand in the file. */
  readonly pieces: readonly Uint8Array[];
  /** Where in the file the group begins. */
  readonly position: number;
  /** Length of all pieces. */
  readonly bytes: number;
  /** Zeros to lay behind it. */
  readonly roomBytes: number;
}

const nothing = new Uint8Array(0);

/** The writer of one log file. */
export class LogWriter {
  readonly logNumber: number;
  readonly #file: AppendFile;
  readonly #codec: FrameCodec;
  #lastFirstSequence: number;
  #prepared: PreparedGroup | undefined;
  #hasClosingFrame = false;

  private constructor(file: AppendFile, header: LogHeader) {
    this.#file = file;
    this.logNumber = header.logNumber;
    this.#codec = new FrameCodec(logFrameMagic, header.databaseId, header.logNumber);
    this.#lastFirstSequence = header.firstSequence;
  }

  /**
   * Creates the file of log `header.logNumber`, which must not exist, and writes its header. Nothing is synced before the first
   * `sync`, which makes the name durable too. `header.previousLogBytes` must be durable in the previous log before this call.
   * `beforeWrite` is called when the file was created, before anything is written.
   */
  static create(fileSystem: FileSystem, directory: string, header: LogHeader, beforeWrite?: () => void): LogWriter {
    const bytes = encodeLogHeader(header);
    const file = AppendFile.create(fileSystem, directory, logFileName(header.logNumber), bytes, beforeWrite);
    return new LogWriter(file, header);
  }

  /** Name of the file, without the directory. */
  get fileName(): string {
    return this.#file.fileName;
  }

  /** Length of the header and all completed groups. */
  get writtenBytes(): number {
    return this.#file.writtenBytes;
  }

  /** Length that is known to be durable. */
  get syncedBytes(): number {
    return this.#file.syncedBytes;
  }

  /** Whether a write or sync has failed: every further call throws VARVE_POISONED. */
  get hasFailed(): boolean {
    return this.#file.hasFailed;
  }

  /**
   * Gives a group its place behind the last completed one. Nothing is written. The group before must be complete. Where `expectedBytes` more are
   * to come, and will be synced, it may get room behind it.
   */
  beginGroup(frames: readonly LogFrame[], expectedBytes = 0): PreparedGroup {
    assert(frames.length > 0, 'a group has at least one frame');
    return this.#prepare(frames, 0, expectedBytes);
  }

  /** Writes a prepared group now, whether or not an asynchronous write of it is in flight. */
  writePrepared(group: PreparedGroup): void {
    const { pieces, position, roomBytes } = group;
    // Once it is complete its room is laid, and may hold the next group.
    const isOpen = group === this.#prepared;
    this.#file.write(roomBytes > 0 && isOpen ? [...pieces, zerosOf(roomBytes)] : pieces, position);
  }

  /** Writes a prepared group off the event loop. Its pieces must not change until this settles. */
  writePreparedAsync(group: PreparedGroup): Promise<void> {
    return this.#file.writeAsync(group.pieces, group.position);
  }

  /** Declares a prepared group written: a later sync covers it. Again for the same group: nothing. */
  completePrepared(group: PreparedGroup): void {
    this.#file.checkUsable();
    if (this.#prepared !== group) {
      assert(group.position + group.bytes <= this.#file.writtenBytes, 'the group was prepared by this writer');
      return;
    }
    this.#prepared = undefined;
    this.#file.advance(group.position + group.bytes);
  }

  /** Writes one group. Not durable before a sync that begins after this. */
  appendGroup(frames: readonly LogFrame[]): void {
    const group = this.beginGroup(frames);
    this.writePrepared(group);
    this.completePrepared(group);
  }

  /** As appendGroup, off the event loop. No other group may begin before it settles. */
  async appendGroupAsync(frames: readonly LogFrame[]): Promise<void> {
    const group = this.beginGroup(frames);
    await this.writePreparedAsync(group);
    this.completePrepared(group);
  }

  /** Makes all completed groups durable. */
  sync(): void {
    this.#file.sync();
  }

  /** As sync, off the event loop: covers the groups that were complete when it was called. */
  syncAsync(): Promise<void> {
    return this.#file.syncAsync();
  }

  /**
   * Ends the log with a frame of no entries that promises what is durable, so that damage to the last group of a log that was
   * closed cleanly is not taken for a torn tail. Call it after a sync; it needs none of its own, for losing it loses only that.
   */
  appendClose(): void {
    const group = this.#prepare([{ firstSequence: this.#lastFirstSequence, entryCount: 0, pieces: [] }], closeFlag, 0);
    this.#hasClosingFrame = true;
    this.writePrepared(group);
    this.completePrepared(group);
  }

  /** Gives the room back that no group has taken. Nothing may follow. Syncs nothing; does nothing after a failure. */
  cutRoom(): void {
    this.#file.cut();
  }

  /** Gives the descriptor back, when no asynchronous call is under way any more. Idempotent; syncs nothing. */
  close(): void {
    this.#file.close();
  }

  #prepare(frames: readonly LogFrame[], flags: number, expectedBytes: number): PreparedGroup {
    this.#file.checkUsable();
    assert(this.#prepared === undefined, 'one group is prepared at a time');
    assert(!this.#hasClosingFrame, 'nothing follows the closing frame of a log');
    const position = this.#file.writtenBytes;
    const headers = new Uint8Array(frames.length * frameHeaderBytes);
    const pieces: Uint8Array[] = [];
    let end = position;
    for (let i = 0; i < frames.length; i++) {
      const frame = frames[i] as LogFrame;
      assert(frame.firstSequence >= this.#lastFirstSequence, 'sequences do not descend within a log');
      this.#lastFirstSequence = frame.firstSequence;
      let payloadBytes = 0;
      for (const piece of frame.pieces) payloadBytes += piece.length;
      const header = {
        flags: i === frames.length - 1 ? flags | groupEndFlag : flags,
        payloadBytes,
        entryCount: frame.entryCount,
        firstSequence: frame.firstSequence,
        syncedBytes: this.#file.syncedBytes,
        payloadChecksum: frame.pieces.length === 0 ? checksum64(nothing) : checksum64OfPieces(frame.pieces),
      };
      this.#codec.encode(headers, i * frameHeaderBytes, header, end);
      pieces.push(headers.subarray(i * frameHeaderBytes, (i + 1) * frameHeaderBytes), ...frame.pieces);
      end += frameHeaderBytes + payloadBytes;
    }
    const bytes = end - position;
    const roomBytes = roomBytesBehind({ position, bytes }, this.#file, expectedBytes);
    this.#prepared = { pieces, position, bytes, roomBytes };
    return this.#prepared;
  }
}
