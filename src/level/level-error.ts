/**
 * Errors as users of abstract-level know them: a code that begins with LEVEL_, the error of varve as the cause.
 *
 * | VARVE_ …                            | becomes                                                            |
 * | CORRUPTION                          | LEVEL_CORRUPTION                                                   |
 * | LOCKED                              | LEVEL_LOCKED                                                       |
 * | IO, NO_SPACE, POISONED              | LEVEL_IO_ERROR                                                     |
 * | CLOSED                              | LEVEL_DATABASE_NOT_OPEN                                            |
 * | ABORTED                             | LEVEL_ABORTED, with the name AbortError                            |
 * | any other                           | the same code: Level has no word for it                            |
 */
import { VarveError, type VarveErrorCode } from '../errors.js';

const levelCodes: Partial<Record<VarveErrorCode, string>> = {
  VARVE_CORRUPTION: 'LEVEL_CORRUPTION',
  VARVE_LOCKED: 'LEVEL_LOCKED',
  VARVE_IO: 'LEVEL_IO_ERROR',
  VARVE_NO_SPACE: 'LEVEL_IO_ERROR',
  VARVE_POISONED: 'LEVEL_IO_ERROR',
  VARVE_CLOSED: 'LEVEL_DATABASE_NOT_OPEN',
  VARVE_ABORTED: 'LEVEL_ABORTED',
};

/** An error of a VarveLevel. */
export class LevelError extends Error {
  /** One of LEVEL_…, or that of the VarveError which is the cause. */
  readonly code: string;

  constructor(code: string, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = code === 'LEVEL_ABORTED' ? 'AbortError' : 'LevelError';
    this.code = code;
  }
}

/** The error to throw for one that came from below. What is not varve's own passes as it is. */
export function asLevelError(error: unknown): unknown {
  return error instanceof VarveError ? new LevelError(levelCodes[error.code] ?? error.code, error.message, error) : error;
}

/** The error of a call on a database that is not open. */
export function notOpenError(): LevelError {
  return new LevelError('LEVEL_DATABASE_NOT_OPEN', 'Database is not open');
}

/** The error of a read that its signal called off. */
export function abortError(reason: unknown): LevelError {
  return new LevelError('LEVEL_ABORTED', 'Operation has been aborted', reason);
}
