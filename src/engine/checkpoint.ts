/**
 * The committed state as a set of files: what a snapshot streams.
 *
 *   tables of the version (whole) + logs (their committed length) + a MANIFEST and a CURRENT made for it + an empty LOCK
 *
 * Nothing is flushed or copied for it: tables never change, logs only grow, and both are held until the checkpoint is released.
 *
 * Invariants:
 * 1. It is taken in one turn, in which exactly the sections of one commit boundary are committed.
 * 2. Every file is held until `release`; sizes are those at the moment it was taken.
 */
import type { FileSystem } from '../env/file-system.js';
import { currentFileName, lockFileName, logFileName, manifestFileName, tableFileName } from '../format/file-names.js';
import { currentContent } from '../version/current-file.js';
import { manifestImage } from '../version/manifest-image.js';
import { versionTables } from '../version/version.js';
import type { Engine } from './engine.js';

/** A file of a checkpoint: a stretch of a file on disk from its beginning, or bytes made for it. */
export interface CheckpointFile {
  readonly name: string;
  readonly sizeBytes: number;
  readonly content: Uint8Array | undefined;
}

export interface Checkpoint {
  readonly fileSystem: FileSystem;
  readonly directory: string;
  readonly files: readonly CheckpointFile[];
  /** Idempotent. */
  release(): void;
}

/** Takes a checkpoint of what is committed now. */
export function takeCheckpoint(engine: Engine): Checkpoint {
  const { versions, memtables, liveFiles, fileSystem, directory } = engine.parts;
  const { state } = versions;
  const files: CheckpointFile[] = [];
  for (const table of versionTables(state.version))
    files.push({ name: tableFileName(table.fileNumber), sizeBytes: table.fileBytes, content: undefined });
  const logs = new Map<number, number>();
  for (const slot of memtables.all()) {
    for (const { number, bytes } of slot.logExtents()) if (bytes > 0) logs.set(number, Math.max(bytes, logs.get(number) ?? 0));
  }
  for (const [number, bytes] of logs) files.push({ name: logFileName(number), sizeBytes: bytes, content: undefined });
  const held = files.map((file) => file.name);
  liveFiles.retain(held);
  const manifestNumber = state.nextFileNumber;
  const newestLogNumber = Math.max(0, ...logs.keys());
  const newestLogBytes = logs.get(newestLogNumber) ?? 0;
  // The manifest on disk may still count logs as needed whose records are all in tables.
  const oldestLogNumber = Math.max(state.oldestLogNumber, memtables.oldestLogNumber);
  const counters = { oldestLogNumber, newestLogNumber, newestLogBytes, nextFileNumber: manifestNumber + 1 };
  const manifest = manifestImage(manifestNumber, { ...state, ...counters });
  const current = currentContent(manifestNumber);
  files.push({ name: manifestFileName(manifestNumber), sizeBytes: manifest.length, content: manifest });
  files.push({ name: lockFileName, sizeBytes: 0, content: new Uint8Array(0) });
  // CURRENT comes last: a stream that was cut off does not unpack to something that looks whole.
  files.push({ name: currentFileName, sizeBytes: current.length, content: current });
  let released = false;
  return {
    fileSystem,
    directory,
    files,
    release: () => {
      if (released) return;
      released = true;
      liveFiles.release(held);
    },
  };
}
