/**
 * What reads have paid for runs that lie side by side, until merging them would have been cheaper.
 *
 *   reads in several runs ── pay ──▶ debt ── as much as a merge costs ──▶ due ── a merge is planned ──▶ 0
 *
 * A store that is only read keeps the runs that its last writes left: nothing that a write would cause ever merges them, and each range
 * read goes on to place a cursor in every one. So reads ask for the merge. The rule is that of renting skis: rent until the rent that was
 * paid is the price, then buy. It costs at most a few times what knowing the future would (Karlin, Manasse, Rudolph, Sleator: "Competitive
 * snoopy caching", 1988), it needs no clock, and a store that is written and hardly read is never rewritten for it. LevelDB merges
 * after a number of seeks that missed (`allowed_seeks`) in the same spirit.
 *
 * Invariants:
 * 1. Where no merge would spare a run nothing is due.
 * 2. One reaching of the limit gives one call of `onDue`; the next one needs another version, or a merge that was begun.
 */
import { mergeForReads } from '../compaction/picker.js';
import type { Version } from '../version/version.js';

/** A look of a point read into one more table. The unit is 80 ns, about a line of memory that is waited for. */
export const unitsOfLook = 4;
/** To place a cursor in one more run. */
export const unitsOfPlacing = 32;
/** A step of a walk over several runs, beyond what it costs over one. */
export const unitsOfStep = 4;
/** What a merge costs beside its entries: files to create and to sync, and an edit of the manifest. */
const unitsOfMerge = 256 * 1024;

interface Versions {
  readonly version: Version;
  /** Changes with the version. */
  readonly generation: number;
}

export class ReadDebt {
  private units = 0;
  private limit = Number.POSITIVE_INFINITY;
  private generation = -1;
  private hasToldDue = false;

  constructor(
    private readonly versions: Versions,
    /** What a merge is worth for each of its entries. */
    private readonly unitsOfEntry: number,
    /** Called when a merge has become due, from within a read: nothing may change under it. */
    private readonly onDue: () => void,
  ) {}

  /** Takes what a read has cost more than it would in one run. */
  pay(units: number): void {
    if (this.generation !== this.versions.generation) this.look();
    this.units += units;
    if (this.units < this.limit || this.hasToldDue) return;
    this.hasToldDue = true;
    this.onDue();
  }

  /** Whether reads have paid for a merge. */
  get isDue(): boolean {
    if (this.generation !== this.versions.generation) this.look();
    return this.units >= this.limit;
  }

  /** A merge was begun: what was paid is spent. */
  settle(): void {
    this.units = 0;
    this.hasToldDue = false;
  }

  /** Looks at a version that is new. */
  private look(): void {
    const { version, generation } = this.versions;
    this.generation = generation;
    this.hasToldDue = false;
    const merge = mergeForReads(version);
    // What was paid while there was nothing to merge was for looks that no merge spares.
    if (merge === undefined || this.limit === Number.POSITIVE_INFINITY) this.units = 0;
    this.limit = merge === undefined ? Number.POSITIVE_INFINITY : this.unitsOfEntry * merge.entries + unitsOfMerge;
  }
}
