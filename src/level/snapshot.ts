/**
 * An explicit snapshot: the state of the database at its making, for any number of reads.
 *
 *   open ── close, or the database closes; reads under way end first ──▶ closed (view released)
 */
import type { BucketStore, BucketView } from '../backend/bucket-store.js';
import { invalidArgument } from '../errors.js';
import { AbstractSnapshot } from './abstract-base.js';
import { asLevelError } from './level-error.js';

/** The state of the database when `snapshot()` was called, to be given to reads as their option `snapshot`. */
export class LevelSnapshot extends AbstractSnapshot {
  /** @internal */
  readonly store: BucketStore;
  /** @internal */
  readonly view: BucketView;

  /** @internal */
  constructor(options: { readonly owner: object }, store: BucketStore, view: BucketView) {
    super(options);
    this.store = store;
    this.view = view;
  }

  /** @internal */
  _close(): void {
    this.view.release();
  }
}

/**
 * The view of a snapshot that was given as an option; undefined where none was. Refuses one of another database.
 *
 * @internal
 */
export function viewOf(snapshot: unknown, store: BucketStore): BucketView | undefined {
  if (snapshot === undefined || snapshot === null) return undefined;
  if (snapshot instanceof LevelSnapshot && snapshot.store === store) return snapshot.view;
  throw asLevelError(invalidArgument('snapshot is one of this database, made since it was opened'));
}
