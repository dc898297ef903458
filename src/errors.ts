/**
 * The one error class of the library and its closed list of codes.
 *
 * A code says what kind of thing went wrong, and callers may switch on it; the message says what was given, what is
 * allowed and where; `cause` is the error beneath. Bad bytes are VARVE_CORRUPTION and name file and offset; a broken
 * invariant of our own is VARVE_ASSERTION. Messages carry numbers, never the bytes of keys or values.
 */

/** Every code that a VarveError can have. */
export type VarveErrorCode =
  | 'VARVE_INVALID_ARGUMENT'
  | 'VARVE_LIMIT'
  | 'VARVE_BUCKET_NOT_FOUND'
  | 'VARVE_TX_LOCKED'
  | 'VARVE_TX_NOT_LOCKED'
  | 'VARVE_STOPPED'
  | 'VARVE_CLOSED'
  | 'VARVE_READ_ONLY'
  | 'VARVE_NOT_FOUND'
  /** Another process, or this one, has the directory open. */
  | 'VARVE_LOCKED'
  | 'VARVE_CORRUPTION'
  /** A format version that this release does not know, or a table that needs a codec which is not there. */
  | 'VARVE_UNSUPPORTED_VERSION'
  | 'VARVE_IO'
  | 'VARVE_NO_SPACE'
  /** An earlier write or fsync failed: reads go on, no commit is acknowledged until the database is reopened. */
  | 'VARVE_POISONED'
  | 'VARVE_ABORTED'
  /** A defect of the library. */
  | 'VARVE_ASSERTION';

/** Where an error happened and what is beneath it. */
export interface VarveErrorDetails {
  /** Name of the file concerned. */
  readonly file?: string | undefined;
  /** Offset in that file, in bytes. */
  readonly offset?: number | undefined;
  /** The error beneath. */
  readonly cause?: unknown;
}

/** The one error class. `cause` is the error beneath. Messages carry numbers and names of files, never bytes of keys or values. */
export class VarveError extends Error {
  /** What kind of thing went wrong: made to be switched on. */
  readonly code: VarveErrorCode;
  /** Name or path of the file or directory concerned. */
  readonly file?: string;
  /** Offset in that file, in bytes. */
  readonly offset?: number;

  /** For adapters and tests: the library makes its own. */
  constructor(code: VarveErrorCode, message: string, details: VarveErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = 'VarveError';
    this.code = code;
    if (details.file !== undefined) this.file = details.file;
    if (details.offset !== undefined) this.offset = details.offset;
  }
}

/** Bytes on disk that are not what they must be: always names the file, and the offset where one is known. */
export function corruption(file: string, offset: number | undefined, message: string, cause?: unknown): VarveError {
  const place = offset === undefined ? file : `${file} at offset ${offset}`;
  return new VarveError('VARVE_CORRUPTION', `${place}: ${message}`, { file, offset, cause });
}

/** An argument or option out of its range. */
export function invalidArgument(message: string): VarveError {
  return new VarveError('VARVE_INVALID_ARGUMENT', message);
}

/** States an invariant of our own code. Bytes from a file are never asserted: they are checked, and refused as corruption. */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new VarveError('VARVE_ASSERTION', `broken invariant: ${message}`);
}

/** Whether a system's error code says that no more files may be open, in the process or in the system. */
export function isOutOfDescriptors(code: string | undefined): boolean {
  return code === 'EMFILE' || code === 'ENFILE';
}

/** The system's error code (ENOENT, ENOSPC, …) of an error or of its causes, or undefined. */
export function systemErrorCode(error: unknown): string | undefined {
  for (let current = error, depth = 0; current instanceof Error && depth < 8; current = current.cause, depth++) {
    const code: unknown = 'errno' in current && 'code' in current ? current.code : undefined;
    if (typeof code === 'string') return code;
  }
  return undefined;
}
