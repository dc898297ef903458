/**
 * The file system as the engine sees it, and what each call guarantees after a crash. All file access goes through this
 * interface, so that tests can fail it and lose it.
 *
 * Guarantees that an implementation gives, and the only ones that the engine relies on:
 * 1. `write` puts every byte or throws: a short write is continued or is an error, never silence.
 * 2. After `sync` (or `syncAsync` resolved), what writes that had returned before the call put there survives a crash, and so does the size.
 * 3. A created, renamed or unlinked name survives a crash only after `syncDirectory` of its directory.
 * 4. `rename` replaces its target in one step.
 * 5. Files are created with mode 0600, directories with 0700, and no link is followed in the last place of a path.
 *
 * Errors are VarveError: VARVE_NO_SPACE for ENOSPC and EDQUOT, else VARVE_IO, with the file and the system's error as cause
 * (`systemErrorCode` in errors.ts reads it).
 */

/** read: an existing file, for reading; modify: an existing file, for both; create: a file that must not exist, for both. */
export type OpenMode = 'read' | 'modify' | 'create';

export interface FileStatus {
  readonly kind: 'file' | 'directory' | 'other';
  readonly sizeBytes: number;
}

/** One open file. Positions and lengths are bytes. */
export interface FileHandle {
  readonly path: string;
  /** The descriptor, for the directory lock only; -1 where there is none. */
  readonly descriptor: number;
  sizeBytes(): number;
  /** Fills `target` from `position` as far as the file reaches; returns how many bytes that was. */
  read(target: Uint8Array, position: number): number;
  /** Writes all pieces one after the other from `position`. */
  write(pieces: readonly Uint8Array[], position: number): void;
  /** As write, off the event loop. The pieces must not change until it settles. */
  writeAsync(pieces: readonly Uint8Array[], position: number): Promise<void>;
  /** fdatasync. */
  sync(): void;
  syncAsync(): Promise<void>;
  truncate(sizeBytes: number): void;
  /**
   * Gives the file back. Idempotent, and never throws: what has to last was synced before, the system takes the descriptor back whatever
   * it says, and an error here would hide the one that led to closing.
   */
  close(): void;
}

export interface FileSystem {
  /** Refuses everything but a regular file (a FIFO or device does not hang it). */
  open(path: string, mode: OpenMode): FileHandle;
  /** Undefined where nothing is there. Does not follow a link in the last place. */
  status(path: string): FileStatus | undefined;
  /** Names in a directory, in no order. */
  list(directory: string): string[];
  /**
   * Makes a directory and its missing parents, all or none; returns the directories that were made, outermost first. One that stayed
   * behind would be taken for an old one later, whose name is durable.
   */
  makeDirectory(path: string): string[];
  rename(from: string, to: string): void;
  unlink(path: string): void;
  removeDirectory(path: string): void;
  syncDirectory(path: string): void;
  syncDirectoryAsync(path: string): Promise<void>;
  /**
   * Bytes that may still be written to the file system of a directory, as far as it says so; undefined where it does not. Never throws.
   * Quotas, limits of the process, and what others write in the next moment are not in it: a write may fail all the same.
   */
  availableBytes(directory: string): number | undefined;
}
