/**
 * Names of the files in a database directory ↔ kind and number. The only place that knows names.
 *
 * | CURRENT         | which manifest is live                              |
 * | LOCK            | one owner a directory                               |
 * | MANIFEST-000007 | the log of edits between versions                   |
 * | 000012.log      | a write-ahead log                                   |
 * | 000013.sst      | a table                                             |
 * | 000007.tmp      | a file that is not published yet; removed at open   |
 *
 * Numbers come from one counter, have at least six digits, and are never reused. Any other name is foreign and is left alone.
 */
export const currentFileName = 'CURRENT';
export const lockFileName = 'LOCK';

export type FileKind = 'current' | 'lock' | 'manifest' | 'log' | 'table' | 'temporary';
export interface ParsedFileName {
  readonly kind: FileKind;
  /** The file's number; 0 for CURRENT and LOCK. */
  readonly number: number;
}

const digits = (number: number): string => String(number).padStart(6, '0');
export const manifestFileName = (number: number): string => `MANIFEST-${digits(number)}`;
export const logFileName = (number: number): string => `${digits(number)}.log`;
export const tableFileName = (number: number): string => `${digits(number)}.sst`;
export const temporaryFileName = (number: number): string => `${digits(number)}.tmp`;

/** The kind and number of a name, or undefined for a name that is none of ours. */
export function parseFileName(name: string): ParsedFileName | undefined {
  if (name === currentFileName) return { kind: 'current', number: 0 };
  if (name === lockFileName) return { kind: 'lock', number: 0 };
  const match = /^(?:MANIFEST-(\d{6,16})|(\d{6,16})\.(log|sst|tmp))$/.exec(name);
  if (match === null) return undefined;
  const number = Number(match[1] ?? match[2]);
  const kind = match[1] !== undefined ? 'manifest' : match[3] === 'log' ? 'log' : match[3] === 'sst' ? 'table' : 'temporary';
  const canonical = kind === 'manifest' ? manifestFileName(number) : `${digits(number)}.${match[3]}`;
  return Number.isSafeInteger(number) && number > 0 && canonical === name ? { kind, number } : undefined;
}
