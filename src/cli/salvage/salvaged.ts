/** What reading a damaged database gives, in the order of age: entries that are sound, and losses where something was. */
import { VarveError } from '../../errors.js';
import { readBucketId } from '../../format/internal-key.js';
import { catalogBucketId } from '../../limits.js';

/** An entry whose checksum was right. No value: a deletion. */
export interface SalvagedEntry {
  readonly kind: 'entry';
  /** With the prefix of its bucket. */
  readonly internalKey: Uint8Array;
  readonly value: Uint8Array | undefined;
}

/** Something that could not be read. */
export interface Loss {
  readonly kind: 'loss';
  readonly file: string;
  readonly offset?: number | undefined;
  readonly bytes?: number | undefined;
  readonly message: string;
  /** Entries lost: so many or, with `isAtMost`, so many at most. Undefined: not known. 0: damage that cost nothing. */
  readonly entries?: number | undefined;
  readonly isAtMost?: boolean;
  /** Internal keys between which the lost entries lie, the last included, and the first unless that is excluded. Undefined: any. */
  readonly smallestKey?: Uint8Array | undefined;
  readonly excludesSmallest?: boolean;
  readonly largestKey?: Uint8Array | undefined;
  /** Nobody knows what was salvaged before it and what after it is older. */
  readonly isOfUnknownAge?: boolean;
}

export type Salvaged = SalvagedEntry | Loss;

/** Whether names of buckets may be among what was lost. */
export function mayCostBuckets({ entries, smallestKey }: Loss): boolean {
  return entries !== 0 && (smallestKey === undefined || readBucketId(smallestKey, 0, smallestKey.length) === catalogBucketId);
}

/**
 * The message of an error that costs what was being read: damage, or a disk that cannot read it. Any other error, above all a codec
 * that is missing or a file of another release, is thrown: nothing is lost then.
 */
export function messageOfDamage(error: unknown): string {
  if (error instanceof VarveError && (error.code === 'VARVE_CORRUPTION' || error.code === 'VARVE_IO')) return error.message;
  throw error;
}

/** The result, or undefined where there is damage, which is told elsewhere. */
export function unlessDamaged<Result>(read: () => Result): Result | undefined {
  try {
    return read();
  } catch (error) {
    messageOfDamage(error);
    return undefined;
  }
}
