/**
 * Writes one manifest: the whole state first, then edit after edit. Layout: manifest-format.ts.
 *
 *   create (state, file and name durable) ─▶ publishCurrent ─▶ [ append ─▶ sync | syncAsync ]* ─▶ appendClose? ─▶ close
 *
 * **Invariants:**
 * 1. An edit is durable when a sync that began after its append has ended; only then may it be acted on.
 * 2. What is written can be read: each edit is applied to a state of the writer's own before it is written.
 * 3. After a failed write or sync every call throws VARVE_POISONED with the first error as cause (wal/append-file.ts).
 */
import type { FileSystem } from '../env/file-system.js';
import { joinPath } from '../env/path.js';
import { ByteWriter } from '../format/byte-writer.js';
import { checksum64 } from '../format/checksum.js';
import { manifestFileName } from '../format/file-names.js';
import { closeFlag, FrameCodec, frameHeaderBytes, groupEndFlag } from '../format/frame-header.js';
import { AppendFile } from '../wal/append-file.js';
import { encodeEdit } from './edit-codec.js';
import { chainedChecksum, chainStart, encodeManifestHeader, manifestFrameMagic } from './manifest-format.js';
import { advanceState, initialState, type ManifestState, stateAsEdit } from './manifest-state.js';
import type { VersionEdit } from './version-edit.js';

/** The writer of one manifest file. */
export class ManifestWriter {
  readonly manifestNumber: number;
  readonly #file: AppendFile;
  readonly #codec: FrameCodec;
  #recordCount = 0;
  #chain = chainStart;
  #state: ManifestState;

  private constructor(file: AppendFile, manifestNumber: number, databaseId: Uint8Array) {
    this.#file = file;
    this.manifestNumber = manifestNumber;
    this.#codec = new FrameCodec(manifestFrameMagic, databaseId, manifestNumber);
    this.#state = initialState(databaseId);
  }

  /** Creates MANIFEST-`manifestNumber`, which must not exist, with `state` in it; file and name are durable when it returns. */
  static create(fileSystem: FileSystem, directory: string, manifestNumber: number, state: ManifestState): ManifestWriter {
    const header = encodeManifestHeader({ databaseId: state.databaseId, manifestNumber });
    const file = AppendFile.create(fileSystem, directory, manifestFileName(manifestNumber), header);
    const writer = new ManifestWriter(file, manifestNumber, state.databaseId);
    try {
      writer.append(stateAsEdit(state));
      // Barrier: CURRENT may name this manifest only when all of it is on disk.
      writer.sync();
    } catch (error) {
      writer.close();
      try {
        fileSystem.unlink(joinPath(directory, writer.fileName));
      } catch {
        // The first error is the one that matters; a manifest that CURRENT does not name is removed by the next open.
      }
      throw error;
    }
    return writer;
  }

  /** Name of the file, without the directory. */
  get fileName(): string {
    return this.#file.fileName;
  }

  /** Length of the file in bytes. */
  get bytes(): number {
    return this.#file.writtenBytes;
  }

  /** Whether a write or sync has failed: every further call throws VARVE_POISONED. */
  get hasFailed(): boolean {
    return this.#file.hasFailed;
  }

  /** What the manifest says with all edits that were appended, durable or not. */
  get state(): ManifestState {
    return this.#state;
  }

  /**
   * Writes an edit; not durable before a sync that begins after this. One that the reader would refuse throws VARVE_ASSERTION, and
   * nothing is written.
   */
  append(edit: VersionEdit): void {
    const state = advanceState(this.#state, edit);
    const writer = new ByteWriter();
    encodeEdit(writer, edit);
    const payload = writer.finish();
    const checksum = chainedChecksum(this.#chain, payload);
    this.#appendFrame(groupEndFlag, payload, 1, checksum);
    this.#chain = checksum;
    this.#state = state;
    this.#recordCount++;
  }

  /** Makes all edits durable. */
  sync(): void {
    this.#file.sync();
  }

  /** As sync, off the event loop: covers the edits that were written when it was called. */
  syncAsync(): Promise<void> {
    return this.#file.syncAsync();
  }

  /** Ends the manifest with a frame that holds no edit and promises what is durable. Call it after a sync; it needs none. */
  appendClose(): void {
    const nothing = new Uint8Array(0);
    this.#appendFrame(groupEndFlag | closeFlag, nothing, 0, checksum64(nothing));
  }

  /** Gives the descriptor back. Idempotent; syncs nothing. */
  close(): void {
    this.#file.close();
  }

  #appendFrame(flags: number, payload: Uint8Array, entryCount: number, payloadChecksum: bigint): void {
    const position = this.#file.writtenBytes;
    const header = new Uint8Array(frameHeaderBytes);
    const fields = {
      flags,
      payloadBytes: payload.length,
      entryCount,
      firstSequence: this.#recordCount,
      syncedBytes: this.#file.syncedBytes,
      payloadChecksum,
    };
    this.#codec.encode(header, 0, fields, position);
    this.#file.write([header, payload], position);
    this.#file.advance(position + header.length + payload.length);
  }
}
