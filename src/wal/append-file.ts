/**
 * A file that only grows: what logs and manifests share. It knows how much was written, how much of that is durable, how long it is, and that
 * it failed.
 *
 *   open ──write, sync──▶ open ──close──▶ closed
 *     └──a write or sync fails──▶ failed ──close──▶ closed
 *
 * **Invariants:**
 * 1. syncedBytes <= writtenBytes. A sync covers only what had been written before it began; so much it adds to syncedBytes.
 * 2. The first sync also syncs the directory: from then on the name is durable, not only the bytes.
 * 3. A failed write or sync is final (a second fsync may report success for pages that the kernel has dropped): the call that
 *    failed throws its own error, every later one throws VARVE_POISONED with that error as its cause.
 * 4. The descriptor is closed only when no asynchronous call uses it any more.
 */
import type { FileHandle, FileSystem } from '../env/file-system.js';
import { joinPath } from '../env/path.js';
import { assert, VarveError } from '../errors.js';

/** One growing file. Positions and lengths are bytes. */
export class AppendFile {
  /** Name without the directory: what errors call the file. */
  readonly fileName: string;
  readonly #fileSystem: FileSystem;
  readonly #directory: string;
  readonly #file: FileHandle;
  #writtenBytes: number;
  #syncedBytes = 0;
  #fileBytes: number;
  #nameIsDurable = false;
  #failure: unknown;
  #hasFailed = false;
  #isClosed = false;
  #callsInFlight = 0;

  private constructor(fileSystem: FileSystem, directory: string, fileName: string, file: FileHandle, writtenBytes: number) {
    this.#fileSystem = fileSystem;
    this.#directory = directory;
    this.fileName = fileName;
    this.#file = file;
    this.#writtenBytes = writtenBytes;
    this.#fileBytes = writtenBytes;
  }

  /**
   * Creates the file, which must not exist, and writes `header`; nothing is synced. A failure removes the file again. `beforeWrite` is
   * called when the file was created: after a failure that comes before it, nothing was written.
   */
  static create(
    fileSystem: FileSystem,
    directory: string,
    fileName: string,
    header: Uint8Array,
    beforeWrite?: () => void,
  ): AppendFile {
    const path = joinPath(directory, fileName);
    const file = fileSystem.open(path, 'create');
    beforeWrite?.();
    try {
      file.write([header], 0);
    } catch (error) {
      file.close();
      try {
        fileSystem.unlink(path);
      } catch {
        // The first error is the one that matters; a file without a whole header reads as an empty one.
      }
      throw error;
    }
    return new AppendFile(fileSystem, directory, fileName, file, header.length);
  }

  /** Length of what was written and declared complete by `advance`. */
  get writtenBytes(): number {
    return this.#writtenBytes;
  }

  /** Length that is known to be durable. 0 until the first sync. */
  get syncedBytes(): number {
    return this.#syncedBytes;
  }

  /** Length of the file: what was written, and what lies behind it that was not declared complete (log-room.ts). */
  get fileBytes(): number {
    return this.#fileBytes;
  }

  /** Whether a write or sync has failed. */
  get hasFailed(): boolean {
    return this.#hasFailed;
  }

  /** Throws VARVE_POISONED after a failure, with the first error as cause. */
  checkUsable(): void {
    assert(!this.#isClosed, 'a closed file is not used');
    if (this.#hasFailed) {
      const message = `${this.fileName}: an earlier write or sync failed`;
      throw new VarveError('VARVE_POISONED', message, { file: this.fileName, cause: this.#failure });
    }
  }

  /** Writes the pieces at `position`. May overwrite bytes that are not complete yet, with the same bytes. */
  write(pieces: readonly Uint8Array[], position: number): void {
    this.checkUsable();
    try {
      this.#file.write(pieces, position);
    } catch (error) {
      throw this.#fail(error);
    }
    let end = position;
    for (const piece of pieces) end += piece.length;
    if (end > this.#fileBytes) this.#fileBytes = end;
  }

  /** As write, off the event loop. The pieces must not change until it settles. */
  writeAsync(pieces: readonly Uint8Array[], position: number): Promise<void> {
    return this.#track(() => this.#file.writeAsync(pieces, position));
  }

  /** Declares everything before `end` written. */
  advance(end: number): void {
    assert(end >= this.#writtenBytes, 'a file that only grows does not shrink');
    this.#writtenBytes = end;
    if (end > this.#fileBytes) this.#fileBytes = end;
  }

  /** Cuts off what lies behind what was written, where something does. Nothing is synced: it may be there again after a crash. */
  cut(): void {
    if (this.#fileBytes === this.#writtenBytes || this.#hasFailed) return;
    this.#file.truncate(this.#writtenBytes);
    this.#fileBytes = this.#writtenBytes;
  }

  /** Makes everything written so far durable, and the name with it. */
  sync(): void {
    this.checkUsable();
    try {
      this.#file.sync();
      if (!this.#nameIsDurable) this.#fileSystem.syncDirectory(this.#directory);
    } catch (error) {
      throw this.#fail(error);
    }
    this.#noteSynced(this.#writtenBytes);
  }

  /** As sync, off the event loop: covers what had been written when it was called. */
  async syncAsync(): Promise<void> {
    const covered = this.#writtenBytes;
    await this.#track(async () => {
      await this.#file.syncAsync();
      if (!this.#nameIsDurable) await this.#fileSystem.syncDirectoryAsync(this.#directory);
    });
    this.#noteSynced(covered);
  }

  /** Gives the descriptor back, once no asynchronous call is under way. Idempotent. Syncs nothing. */
  close(): void {
    this.#isClosed = true;
    if (this.#callsInFlight === 0) this.#file.close();
  }

  #noteSynced(bytes: number): void {
    this.#nameIsDurable = true;
    if (bytes > this.#syncedBytes) this.#syncedBytes = bytes;
  }

  async #track(call: () => Promise<void>): Promise<void> {
    this.checkUsable();
    this.#callsInFlight++;
    try {
      await call();
    } catch (error) {
      throw this.#fail(error);
    } finally {
      this.#callsInFlight--;
      if (this.#isClosed && this.#callsInFlight === 0) this.#file.close();
    }
    // Another call may have failed meanwhile: what the kernel said after that is not to be relied on.
    if (this.#hasFailed) this.checkUsable();
  }

  #fail(error: unknown): unknown {
    if (!this.#hasFailed) {
      this.#hasFailed = true;
      this.#failure = error;
    }
    return error;
  }
}
