/**
 * Which logs are read, in which order, and what each must hold: from their headers and from what the manifest says, before anything
 * is changed.
 *
 *   manifest: oldest needed, newest committed to, numbers set aside
 *                 │
 *   000005.log ◀─ named, with its length, by ── 000009.log ◀─ … ── newest
 *
 * Invariants:
 * 1. A log that the manifest or the next log names must be there, unless it is older than the oldest needed.
 * 2. A log without a whole header of its own holds nothing that was ever acknowledged.
 * 3. A manifest that lost its end at the border of a frame reads as an older one. Two things tell: a log is created only when a durable edit
 *    has set its number aside, and only when a durable edit knows the log before it. So a log with a number that is not set aside, or
 *    one whose predecessor the manifest does not know, was made after edits that are gone. That is damage of the manifest, and
 *    which logs are missing is not known then.
 */
import { corruption, type VarveError } from '../errors.js';
import type { FileSystem } from '../env/file-system.js';
import { logFileName, manifestFileName } from '../format/file-names.js';
import type { LogHeader } from '../wal/log-format.js';
import { readLogHeader } from '../wal/log-reader.js';

export interface LogChainSource {
  readonly fileSystem: FileSystem;
  readonly directory: string;
  readonly databaseId: Uint8Array;
  /** The manifest that the next four are from; undefined where it is not known to be the live one. */
  readonly manifestNumber: number | undefined;
  readonly oldestLogNumber: number;
  /** What the manifest knows of the newest log: see ManifestState. */
  readonly newestLogNumber: number;
  readonly newestLogBytes: number;
  /** Numbers below it are gone or set aside, as the manifest says. */
  readonly nextFileNumber: number;
  /** Numbers of the log files in the directory. */
  readonly logNumbers: readonly number[];
}

export interface ChainedLog {
  readonly number: number;
  /** Length that must be valid, where the next log says so. */
  requiredBytes: number;
  /** Length that is durable, where the manifest knows. */
  readonly durableBytes: number | undefined;
}

/** A log with its header, where that is whole. */
interface FoundLog {
  readonly number: number;
  readonly header: LogHeader | undefined;
}

/**
 * The logs to be read, in order, with what each must hold; `onDamage` gets what is wrong with the chain, and what it lets pass is
 * left out.
 */
export function chainLogs(source: LogChainSource, onDamage: (error: unknown) => void): Iterable<ChainedLog> {
  const { oldestLogNumber, newestLogNumber, newestLogBytes } = source;
  const known = new Set(source.logNumbers);
  const logs = readHeaders(source, onDamage);
  const lostEnd = lostEndOfManifest(source, logs);
  if (lostEnd !== undefined) onDamage(lostEnd);
  const isMissing = (number: number): boolean =>
    lostEnd === undefined && number > 0 && number >= oldestLogNumber && !known.has(number);
  const chain = new Map<number, ChainedLog>();
  for (const { number, header } of logs) {
    const previousNumber = header?.previousLogNumber ?? 0;
    // An earlier log has a lower number, so one that names itself or a later one names none that is there.
    if (isMissing(previousNumber) || (previousNumber >= number && header !== undefined)) {
      const message = `the log is missing: ${logFileName(number)} comes after it`;
      onDamage(corruption(logFileName(previousNumber), undefined, message));
      known.add(previousNumber);
    }
    const previous = chain.get(previousNumber);
    if (previous !== undefined) previous.requiredBytes = header?.previousLogBytes ?? 0;
    chain.set(number, { number, requiredBytes: 0, durableBytes: number === newestLogNumber ? newestLogBytes : undefined });
  }
  if (isMissing(newestLogNumber))
    onDamage(corruption(logFileName(newestLogNumber), undefined, 'the log is missing: the manifest names it'));
  return chain.values();
}

/** Those that are needed, the oldest first; one whose header is damage is told and left out. */
function readHeaders(source: LogChainSource, onDamage: (error: unknown) => void): FoundLog[] {
  const { fileSystem, directory, databaseId, oldestLogNumber } = source;
  const numbers = source.logNumbers.filter((number) => number >= oldestLogNumber).sort((a, b) => a - b);
  const logs: FoundLog[] = [];
  for (const number of numbers) {
    try {
      logs.push({ number, header: readLogHeader(fileSystem, directory, number, databaseId) });
    } catch (error) {
      onDamage(error);
    }
  }
  return logs;
}

/** What a log tells of edits that the manifest has lost, or undefined. */
function lostEndOfManifest(source: LogChainSource, logs: readonly FoundLog[]): VarveError | undefined {
  const { manifestNumber, newestLogNumber, nextFileNumber } = source;
  if (manifestNumber === undefined) return undefined;
  const damage = (message: string): VarveError =>
    corruption(manifestFileName(manifestNumber), undefined, `the manifest has lost its end: ${message}`);
  for (const { number, header } of logs) {
    if (header === undefined) continue;
    const name = logFileName(number);
    const { previousLogNumber } = header;
    if (number >= nextFileNumber) return damage(`it sets numbers below ${nextFileNumber} aside, and ${name} was made`);
    if (previousLogNumber > newestLogNumber && previousLogNumber < number)
      return damage(`it does not know ${logFileName(previousLogNumber)}, after which ${name} was made`);
  }
  return undefined;
}
