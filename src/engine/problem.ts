/**
 * A problem of a database that was verified: from an error to it, and back to an error for whoever needs a database without problems.
 *
 * | error                                                        | problem                                 | error again      |
 * | VARVE_UNSUPPORTED_VERSION; VARVE_IO, unless the file is gone | a refusal, which says nothing of damage | the same         |
 * | any other VarveError                                         | damage                                  | VARVE_CORRUPTION |
 * | VARVE_ABORTED; what is no VarveError                         | none: it is thrown on                   |                  |
 *
 * Invariant: file and offset, where an error has them, go with it both ways.
 */
import { corruption, systemErrorCode, VarveError } from '../errors.js';

/** What is wrong, and where. */
export interface Problem {
  file: string;
  offset?: number;
  message: string;
  /** What kept the file from being read, where that says nothing of damage: the system, or a version or codec that is not known here. */
  refusal?: VarveError;
}

/** The problem that an error stands for; `file` is the one that was read, where the error names none. What stands for none is thrown. */
export function problemOf(error: unknown, file: string): Problem {
  // What the listener threw, to end it all, is none.
  if (!(error instanceof VarveError) || error.code === 'VARVE_ABORTED') throw error;
  const problem: Problem = { file: error.file ?? file, message: error.message };
  if (error.offset !== undefined) problem.offset = error.offset;
  if (isRefusal(error)) problem.refusal = error;
  return problem;
}

/** The error of whoever needs a database without problems; `file` names the damaged file in its message. */
export function errorOfProblem(problem: Problem, file = problem.file): VarveError {
  return problem.refusal ?? corruption(file, problem.offset, problem.message);
}

/** A file that is gone is damage, whatever the system calls it. */
function isRefusal(error: VarveError): boolean {
  return error.code === 'VARVE_UNSUPPORTED_VERSION' || (error.code === 'VARVE_IO' && systemErrorCode(error) !== 'ENOENT');
}
