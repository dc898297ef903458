/**
 * What this folder takes from abstract-level: the only file that imports it.
 *
 * Its declarations hide what only implementations call: the private methods (`_get`, `_next` and so on) and the arguments of the
 * snapshot's constructor. The former are plain methods of our classes; the latter are declared here.
 */
import { type AbstractLevel as Level, AbstractSnapshot as Snapshot } from 'abstract-level';

export {
  AbstractChainedBatch,
  AbstractIterator,
  AbstractKeyIterator,
  AbstractLevel,
  AbstractValueIterator,
} from 'abstract-level';
export type {
  AbstractBatchOperation,
  AbstractBatchOptions,
  AbstractChainedBatchWriteOptions,
  AbstractDatabaseOptions,
  AbstractDelOptions,
  AbstractIteratorOptions,
  AbstractKeyIteratorOptions,
  AbstractOpenOptions,
  AbstractPutOptions,
  AbstractValueIteratorOptions,
  Transcoder,
} from 'abstract-level';

/** Any database of abstract-level, whatever its types. */
export type AnyLevel = Level<never, never, never>;

/** A snapshot of `owner`, the database (or sublevel) that closes it when it is closed itself. */
export const AbstractSnapshot = Snapshot as unknown as new (options: { readonly owner: object }) => Snapshot;
export type AbstractSnapshot = Snapshot;
