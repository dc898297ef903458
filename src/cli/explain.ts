/** An error in words for who typed the command: what happened, and what to do about it. */
import { systemErrorCode, VarveError, type VarveErrorCode } from '../errors.js';
import { tooLongMessage } from './bytes-text.js';
import type { Command } from './command.js';

export interface Explanation {
  readonly code: string;
  readonly message: string;
  readonly file?: string;
  readonly offset?: number;
  readonly hint?: string;
}

type Hints = Readonly<Partial<Record<VarveErrorCode, string>>>;

/** What to do, whatever the command. */
const generalHints: Hints = {
  VARVE_LOCKED: 'A database is open in one process at a time, also for reading: stop that process, or wait for its end.',
  VARVE_NO_SPACE: 'Nothing that was committed is lost: make room, and try again.',
};

/** What to do, where the command is about a database that is there. */
const databaseHints: Hints = {
  VARVE_NOT_FOUND: 'Is the path right? `varve put --create` and `varve load` make a database.',
  VARVE_CORRUPTION: '`varve verify` lists all damage; `varve repair` saves what can be read into a new directory.',
  VARVE_BUCKET_NOT_FOUND: '`varve buckets` lists the buckets there are.',
};

/** The text of a value is longer than the language lets a string be. */
function isTooLong(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return (
    ('code' in error && error.code === 'ERR_STRING_TOO_LONG') ||
    (error instanceof RangeError && /string length/.test(error.message))
  );
}

/** Explains whatever a command threw. */
export function explain(error: unknown, command: Command): Explanation {
  if (isTooLong(error)) return { code: 'VARVE_LIMIT', message: tooLongMessage };
  if (!(error instanceof VarveError)) {
    const message = error instanceof Error ? error.message : String(error);
    return { code: systemErrorCode(error) ?? 'UNKNOWN', message };
  }
  const { code, message, file, offset } = error;
  // The cause of a failed call often says what the call itself cannot.
  const says = error.cause instanceof Error ? (systemErrorCode(error.cause) ?? error.cause.message) : '';
  const cause = error.cause instanceof Error && !message.includes(says) ? `: ${error.cause.message}` : '';
  const hint = generalHints[code] ?? (command.hints ?? databaseHints)[code];
  return {
    code,
    message: `${message}${cause}`,
    ...(file === undefined ? {} : { file }),
    ...(offset === undefined ? {} : { offset }),
    ...(hint === undefined ? {} : { hint }),
  };
}
