/**
 * Which files (tables, logs, manifests) may be deleted, and when: reference counts by file name.
 *
 *   live, held n times ──markObsolete──▶ obsolete, held n times ──last release──▶ unlinked
 *                                                                      └─ unlink fails ─▶ kept, tried again by retryDeletions
 *
 * Views, snapshots and running jobs retain the files that they may read. Becoming obsolete is for the version to say.
 *
 * **Invariants:**
 * 1. A file is unlinked exactly when it is obsolete and nobody holds it, and by nobody else.
 * 2. A failed unlink is counted and kept, never thrown: whoever released the file last has nothing to do with it.
 * 3. The directory is not synced after an unlink: a name that a crash brings back is an orphan, which the next open removes.
 */
import type { FileSystem } from '../env/file-system.js';
import { isMissing } from '../env/io-error.js';
import { joinPath } from '../env/path.js';
import { assert } from '../errors.js';

/** Counts who holds which file. Names are without the directory. */
export class LiveFiles {
  readonly #fileSystem: FileSystem;
  readonly #directory: string;
  readonly #onUnlinked: ((name: string) => void) | undefined;
  readonly #holds = new Map<string, number>();
  /** Obsolete files that still exist, with their sizes. */
  readonly #obsolete = new Map<string, number>();
  readonly #failed = new Map<string, unknown>();
  #failureCount = 0;

  /** `onUnlinked` is told of each file that is gone; it must not throw. */
  constructor(fileSystem: FileSystem, directory: string, onUnlinked?: (name: string) => void) {
    this.#fileSystem = fileSystem;
    this.#directory = directory;
    this.#onUnlinked = onUnlinked;
  }

  /** Holds each file once more. A file may be held that was marked obsolete while someone else holds it. */
  retain(names: Iterable<string>): void {
    for (const name of names) this.#holds.set(name, (this.#holds.get(name) ?? 0) + 1);
  }

  /** Gives up one hold of each file; unlinks what is obsolete and held by nobody. */
  release(names: Iterable<string>): void {
    for (const name of names) {
      const holds = this.#holds.get(name) ?? 0;
      assert(holds > 0, 'a file is released as often as it was retained');
      if (holds > 1) {
        this.#holds.set(name, holds - 1);
        continue;
      }
      this.#holds.delete(name);
      if (this.#obsolete.has(name)) this.#unlink(name);
    }
  }

  /** Says that no future reader will need the file, of `sizeBytes` bytes; unlinks it when nobody holds it. Again: nothing. */
  markObsolete(name: string, sizeBytes = 0): void {
    if (this.#obsolete.has(name)) return;
    this.#obsolete.set(name, sizeBytes);
    if (!this.#holds.has(name)) this.#unlink(name);
  }

  /** Tries again to unlink what could not be unlinked; returns how many files are still left over. */
  retryDeletions(): number {
    for (const name of [...this.#failed.keys()]) if (!this.#holds.has(name)) this.#unlink(name);
    return this.#failed.size;
  }

  /** Whether someone holds the file. */
  isHeld(name: string): boolean {
    return this.#holds.has(name);
  }

  /** Files that are held. */
  get heldCount(): number {
    return this.#holds.size;
  }

  /** Obsolete files that still exist, because they are held or because unlinking failed. */
  get obsoleteCount(): number {
    return this.#obsolete.size;
  }

  /** Sum of the sizes that obsolete files were marked with. */
  get obsoleteBytes(): number {
    let bytes = 0;
    for (const sizeBytes of this.#obsolete.values()) bytes += sizeBytes;
    return bytes;
  }

  /** Names of the obsolete files that still exist. */
  obsoleteNames(): string[] {
    return [...this.#obsolete.keys()];
  }

  /** Unlinks that failed since the start, tries again included. */
  get failureCount(): number {
    return this.#failureCount;
  }

  /** The error of the last failed unlink of a file that still exists, or undefined. */
  get lastFailure(): unknown {
    return [...this.#failed.values()].at(-1);
  }

  #unlink(name: string): void {
    const path = joinPath(this.#directory, name);
    try {
      this.#fileSystem.unlink(path);
    } catch (error) {
      if (!isMissing(error, path)) {
        this.#failureCount++;
        this.#failed.delete(name);
        this.#failed.set(name, error);
        return;
      }
    }
    this.#obsolete.delete(name);
    this.#failed.delete(name);
    this.#onUnlinked?.(name);
  }
}
