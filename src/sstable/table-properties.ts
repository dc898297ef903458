/**
 * Properties of a table: its metadata, without number and size of the file, which the file cannot know of itself.
 *
 * | smallest sequence f64 | largest sequence f64 | entry count f64 | tombstone count f64 | raw bytes f64 |
 * 0                       8                      16                24                    32              40
 * | flags u32 | smallest key bytes u32 | largest key bytes u32 | zero u32 | smallest key | largest key |
 * 40          44                       48                      52         56
 *
 * Little-endian. Flags: bit 0, some block has sequences. The manifest holds the same facts; the copy here lets a table be
 * checked, and a lost manifest be rebuilt, from the table alone.
 */
import { corruption } from '../errors.js';
import { compareKeys } from '../format/bytes.js';
import { internalKeyBytesMax } from '../limits.js';
import type { TableMetadata } from './table-metadata.js';

const headerBytes = 56;
const sequencesFlag = 1;

/** What the properties section holds. */
export type TableProperties = Omit<TableMetadata, 'fileNumber' | 'fileBytes'>;

/** The properties section as bytes. */
export function encodeProperties(properties: TableProperties): Uint8Array {
  const { smallestKey, largestKey } = properties;
  const bytes = new Uint8Array(headerBytes + smallestKey.length + largestKey.length);
  const view = new DataView(bytes.buffer);
  view.setFloat64(0, properties.minSequence, true);
  view.setFloat64(8, properties.maxSequence, true);
  view.setFloat64(16, properties.entryCount, true);
  view.setFloat64(24, properties.tombstoneCount, true);
  view.setFloat64(32, properties.rawBytes, true);
  view.setUint32(40, properties.hasSequences ? sequencesFlag : 0, true);
  view.setUint32(44, smallestKey.length, true);
  view.setUint32(48, largestKey.length, true);
  bytes.set(smallestKey, headerBytes);
  bytes.set(largestKey, headerBytes + smallestKey.length);
  return bytes;
}

/** Reads a properties section; the keys are copies. Throws VARVE_CORRUPTION with `file` and `offset`. */
export function decodeProperties(bytes: Uint8Array, file: string, offset: number): TableProperties {
  const refuse = (message: string) => corruption(file, offset, `the properties ${message}`);
  if (bytes.length < headerBytes) throw refuse(`have ${bytes.length} bytes`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const numbers = [0, 8, 16, 24, 32].map((at) => view.getFloat64(at, true));
  if (!numbers.every((number) => Number.isSafeInteger(number) && number >= 0)) throw refuse('have a number out of range');
  const [minSequence, maxSequence, entryCount, tombstoneCount, rawBytes] = numbers as [number, number, number, number, number];
  const flags = view.getUint32(40, true);
  const smallestKeyBytes = view.getUint32(44, true);
  const largestKeyBytes = view.getUint32(48, true);
  if (flags > sequencesFlag || view.getUint32(52, true) !== 0) throw refuse('have unknown flags');
  if (Math.max(smallestKeyBytes, largestKeyBytes) > internalKeyBytesMax) throw refuse('have a key above the limit');
  if (headerBytes + smallestKeyBytes + largestKeyBytes !== bytes.length) throw refuse('have keys of other sizes than they say');
  const smallestKey = new Uint8Array(bytes.subarray(headerBytes, headerBytes + smallestKeyBytes));
  const largestKey = new Uint8Array(bytes.subarray(headerBytes + smallestKeyBytes));
  if (minSequence > maxSequence) throw refuse('have sequences in the wrong order');
  if (compareKeys(smallestKey, largestKey) > 0) throw refuse('have keys in the wrong order');
  if (entryCount === 0 || tombstoneCount > entryCount) throw refuse(`have ${tombstoneCount} tombstones of ${entryCount} entries`);
  const hasSequences = flags === sequencesFlag;
  return { smallestKey, largestKey, minSequence, maxSequence, entryCount, tombstoneCount, rawBytes, hasSequences };
}

/** The name of the first property in which two tables differ, or undefined. */
export function differingProperty(a: TableProperties, b: TableProperties): string | undefined {
  if (compareKeys(a.smallestKey, b.smallestKey) !== 0) return 'smallestKey';
  if (compareKeys(a.largestKey, b.largestKey) !== 0) return 'largestKey';
  const names = ['minSequence', 'maxSequence', 'entryCount', 'tombstoneCount', 'rawBytes', 'hasSequences'] as const;
  return names.find((name) => a[name] !== b[name]);
}
