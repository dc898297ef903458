/**
 * The bytes of a manifest that is not on disk: for a snapshot, whose size must be known before it is written.
 */
import type { FileHandle, FileSystem } from '../env/file-system.js';
import { VarveError } from '../errors.js';
import type { ManifestState } from './manifest-state.js';
import { ManifestWriter } from './manifest-writer.js';

/** A file that keeps what is written to it; positions ascend without gaps, as the manifest writer's do. */
class CollectedFile implements FileHandle {
  readonly path = '';
  readonly descriptor = -1;
  readonly pieces: Uint8Array[] = [];

  sizeBytes(): number {
    return this.pieces.reduce((sum, piece) => sum + piece.length, 0);
  }

  read(): number {
    return 0;
  }

  write(pieces: readonly Uint8Array[]): void {
    for (const piece of pieces) this.pieces.push(piece.slice());
  }

  writeAsync(pieces: readonly Uint8Array[]): Promise<void> {
    this.write(pieces);
    return Promise.resolve();
  }

  sync(): void {}

  syncAsync(): Promise<void> {
    return Promise.resolve();
  }

  truncate(): void {}

  close(): void {}
}

function refuse(): never {
  throw new VarveError('VARVE_ASSERTION', 'broken invariant: a manifest image is only written');
}

/** The whole content of a MANIFEST-`manifestNumber` that holds `state`. */
export function manifestImage(manifestNumber: number, state: ManifestState): Uint8Array {
  const file = new CollectedFile();
  const files: FileSystem = {
    open: () => file,
    status: refuse,
    list: refuse,
    makeDirectory: refuse,
    rename: refuse,
    unlink: refuse,
    removeDirectory: refuse,
    syncDirectory: () => {},
    syncDirectoryAsync: () => Promise.resolve(),
    availableBytes: () => undefined,
  };
  ManifestWriter.create(files, '', manifestNumber, state).close();
  return new Uint8Array(Buffer.concat(file.pieces));
}
