/**
 * What a database holds, as plain sorted content: the model's idea of a state, and what each read must give over it.
 *
 * **Invariants**
 * 1. Names and keys are latin1 strings, one character a byte: comparing them compares unsigned bytes.
 * 2. Values are never changed in place; a state is copied before it is changed.
 */
import { crc32c } from '../contract/support/crc32c.js';

/** A bucket: keys to values, in no order. */
export type Bucket = Map<string, Buffer>;

/** A database: bucket names to buckets, in no order. */
export type State = Map<string, Bucket>;

/** A pair as tests compare it. */
export type Entry = readonly [key: string, value: Buffer];

/** Bounds of an iteration, as latin1 strings. */
export interface Bounds {
  gte?: string;
  gt?: string;
  lte?: string;
  lt?: string;
}

/** A state that may be changed without changing the given one. */
export function copyOf(state: State): State {
  return new Map([...state].map(([name, bucket]) => [name, new Map(bucket)]));
}

function ascending(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Names of the buckets, in order. */
export function bucketsOf(state: State): string[] {
  return [...state.keys()].sort(ascending);
}

/** The entries of a bucket in key order; a missing bucket has none. */
export function entriesOf(state: State, bucket: string): Entry[] {
  return [...(state.get(bucket) ?? [])].sort(([a], [b]) => ascending(a, b));
}

function limited(entries: Entry[], limit: number | undefined): Entry[] {
  return limit === undefined || limit <= 0 ? entries : entries.slice(0, limit);
}

/** What unsafeRange must give. */
export function rangeOf(state: State, bucket: string, key: string, endKey: string | null, limit: number | undefined): Entry[] {
  const entries = entriesOf(state, bucket);
  const inside =
    endKey === null || endKey === '' ? entries.filter(([k]) => k === key) : entries.filter(([k]) => k >= key && k < endKey);
  return limited(inside, limit);
}

/** What unsafeIterate must give. */
export function iterationOf(state: State, bucket: string, bounds: Bounds, reverse: boolean, limit: number | undefined): Entry[] {
  const inside = entriesOf(state, bucket).filter(
    ([key]) =>
      (bounds.gte === undefined || key >= bounds.gte) &&
      (bounds.gt === undefined || key > bounds.gt) &&
      (bounds.lte === undefined || key <= bounds.lte) &&
      (bounds.lt === undefined || key < bounds.lt),
  );
  return limited(reverse ? inside.reverse() : inside, limit);
}

/** What hash must give for this content. */
export function hashOf(state: State): number {
  const pieces: Buffer[] = [];
  for (const name of bucketsOf(state)) {
    pieces.push(Buffer.from(name, 'latin1'));
    for (const [key, value] of entriesOf(state, name)) pieces.push(Buffer.from(key, 'latin1'), value);
  }
  return crc32c(pieces);
}
