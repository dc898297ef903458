/** What inspecting a file gives, piece by piece; and the one file as a file system, under whatever name it has. */
import type { FileHandle, FileStatus, OpenMode } from '../../env/file-system.js';
import { NodeFileSystem } from '../../env/node-file-system.js';
import { VarveError } from '../../errors.js';

/** A piece of a file: what it is, where it begins, what it says. A problem has a message. */
export interface Part {
  readonly part: string;
  readonly offset?: number;
  readonly [field: string]: unknown;
}

/** A file system in which every path leads to one file: readers look for names that a copy may not have. */
export class OneFile extends NodeFileSystem {
  constructor(private readonly path: string) {
    super();
  }

  override open(_path: string, mode: OpenMode): FileHandle {
    return super.open(this.path, mode);
  }

  override status(_path: string): FileStatus | undefined {
    return super.status(this.path);
  }
}

/** Damage, or a version that is not known, as a part; any other error is thrown. */
export function problemPart(error: unknown): Part {
  const isOfFile =
    error instanceof VarveError && (error.code === 'VARVE_CORRUPTION' || error.code === 'VARVE_UNSUPPORTED_VERSION');
  if (!isOfFile) throw error;
  return { part: 'problem', ...(error.offset === undefined ? {} : { offset: error.offset }), message: error.message };
}

/** Sixteen bytes as they are printed. */
export function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

/** The bytes of a file from `offset` on, as many as there are. */
export function readPiece(files: OneFile, offset: number, bytes: number): Uint8Array {
  const handle = files.open('', 'read');
  try {
    const piece = new Uint8Array(bytes);
    return piece.subarray(0, handle.read(piece, offset));
  } finally {
    handle.close();
  }
}

/** The size of the file. */
export function sizeOf(files: OneFile): number {
  const handle = files.open('', 'read');
  try {
    return handle.sizeBytes();
  } finally {
    handle.close();
  }
}
