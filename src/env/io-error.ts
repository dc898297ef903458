/**
 * From an error of the operating system to the error of the library.
 *
 * | ENOSPC, EDQUOT | VARVE_NO_SPACE |
 * | anything else  | VARVE_IO       |
 *
 * **Invariants:**
 * 1. The result names the file and what was tried, and has the system's error as its cause.
 * 2. An error that is a VarveError already is passed on as it is.
 */
import { systemErrorCode, VarveError } from '../errors.js';

/** The error for `action` ("open", "write", …) on `path` that failed with `cause`. */
export function ioError(action: string, path: string, cause: unknown): VarveError {
  if (cause instanceof VarveError) return cause;
  const systemCode = systemErrorCode(cause);
  const code = systemCode === 'ENOSPC' || systemCode === 'EDQUOT' ? 'VARVE_NO_SPACE' : 'VARVE_IO';
  const reason = systemCode ?? (cause instanceof Error ? cause.message : String(cause));
  return new VarveError(code, `cannot ${action} ${path}: ${reason}`, { file: path, cause });
}

/** Whether a call failed because nothing is at `path`; not because something else, such as LOCK, is missing. */
export function isMissing(error: unknown, path: string): boolean {
  return error instanceof VarveError && error.file === path && systemErrorCode(error) === 'ENOENT';
}
