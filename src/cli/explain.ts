/** An error in words for who typed the command: what happened, and what to do about it. */
import { systemErrorCode, VarveError, type VarveErrorCode } from '../errors.js';

export interface Explanation {
  readonly code: string;
  readonly message: string;
  readonly file?: string;
  readonly offset?: number;
  readonly hint?: string;
}

const hints: Readonly<Partial<Record<VarveErrorCode, string>>> = {
  VARVE_NOT_FOUND: 'Is the path right? `varve put --create` and `varve load` make a database.',
  VARVE_LOCKED: 'A database is open in one process at a time, also for reading: stop that process, or wait for its end.',
  VARVE_CORRUPTION: '`varve verify` lists all damage; `varve repair` saves what can be read into a new directory.',
  VARVE_NO_SPACE: 'Nothing that was committed is lost: make room, and try again.',
  VARVE_BUCKET_NOT_FOUND: '`varve buckets` lists the buckets there are.',
};

/** Explains whatever was thrown. */
export function explain(error: unknown): Explanation {
  if (!(error instanceof VarveError)) {
    const message = error instanceof Error ? error.message : String(error);
    return { code: systemErrorCode(error) ?? 'UNKNOWN', message };
  }
  const { code, message, file, offset } = error;
  // The cause of a failed call often says what the call itself cannot.
  const cause = error.cause instanceof Error && !message.includes(error.cause.message) ? `: ${error.cause.message}` : '';
  const hint = hints[code];
  return {
    code,
    message: `${message}${cause}`,
    ...(file === undefined ? {} : { file }),
    ...(offset === undefined ? {} : { offset }),
    ...(hint === undefined ? {} : { hint }),
  };
}
