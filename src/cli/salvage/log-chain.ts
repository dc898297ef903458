/**
 * What logs say of each other: each names the one before it, with its length, and the sequence at which it begins.
 *
 *   log 3 ◀─ log 7 ◀─ log 9 ◀─ named by the manifest          a link that leads nowhere is a log that is missing
 *
 * Invariant: a log is lost only where records were in it: those between the sequences that are in tables, or in older logs, and the one at
 * which the next log begins.
 */
import { logFileName } from '../../format/file-names.js';
import type { ManifestState } from '../../version/manifest-state.js';
import type { LogHeader } from '../../wal/log-format.js';
import type { LogToSalvage } from './log-salvage.js';
import type { Loss } from './salvaged.js';

/** A log that is there, and its header where that is whole. */
export interface NumberedHeader {
  readonly number: number;
  readonly header: LogHeader | undefined;
}

/** The logs of `headers`, oldest first. */
export function logsOf(headers: readonly NumberedHeader[], state: ManifestState | undefined): LogToSalvage[] {
  const required = new Map(headers.map(({ header }) => [header?.previousLogNumber, header?.previousLogBytes]));
  return headers.map(({ number, header }) => ({
    number,
    requiredBytes: required.get(number) ?? 0,
    durableBytes: number === state?.newestLogNumber ? state.newestLogBytes : undefined,
    firstSequence: header?.firstSequence ?? 0,
  }));
}

/** Logs that another file names, that are not there, and whose records are not all in tables, which hold those up to `lastSequence`. */
export function missingLogs(headers: readonly NumberedHeader[], state: ManifestState | undefined, lastSequence: number): Loss[] {
  const oldest = state?.oldestLogNumber ?? 0;
  const isMissing = (log: number): boolean => log > 0 && log >= oldest && !headers.some(({ number }) => number === log);
  const losses: Loss[] = [];
  /** Sequences up to this one are in tables, or in logs that are there, for all that is known. */
  let reached = lastSequence;
  for (const { number, header } of headers) {
    if (header === undefined) continue;
    const { previousLogNumber, firstSequence } = header;
    const entries = firstSequence - 1 - reached;
    if (isMissing(previousLogNumber) && entries > 0) {
      const message = `the log is missing: ${logFileName(number)} names it`;
      losses.push({ kind: 'loss', file: logFileName(previousLogNumber), message, entries, isAtMost: true });
    }
    reached = Math.max(reached, firstSequence - 1);
  }
  // A newer log says how far those before it went; without one nobody knows how much was in the newest.
  const newest = state?.newestLogNumber ?? 0;
  if (isMissing(newest) && !headers.some(({ number, header }) => number > newest && header !== undefined))
    losses.push({ kind: 'loss', file: logFileName(newest), message: 'the log is missing: the manifest names it' });
  return losses;
}
