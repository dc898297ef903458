/**
 * The sequences at which somebody reads: what keeps old versions alive through flush and compaction.
 *
 * A view is only a number. It pins no file and no memory; a job takes a copy of the list when it starts, and a view that is
 * registered later has a sequence that is not below anything that the job reads.
 *
 * Nearly every view is of the newest state, so the end of the list is looked at first.
 *
 * Invariants:
 * 1. Each registration is released once; several views may have one sequence.
 * 2. `ascending` is ascending and without repeats, and `counts` says of each how many views have it.
 */
export class ViewRegistry {
  private readonly ascending: number[] = [];
  private readonly counts: number[] = [];

  register(sequence: number): void {
    const place = this.placeOf(sequence);
    if (this.ascending[place - 1] === sequence) {
      this.counts[place - 1] = (this.counts[place - 1] as number) + 1;
    } else if (place === this.ascending.length) {
      this.ascending.push(sequence);
      this.counts.push(1);
    } else {
      this.ascending.splice(place, 0, sequence);
      this.counts.splice(place, 0, 1);
    }
  }

  release(sequence: number): void {
    const at = this.placeOf(sequence) - 1;
    if (this.ascending[at] !== sequence) return;
    const left = (this.counts[at] as number) - 1;
    if (left > 0) {
      this.counts[at] = left;
    } else if (at === this.ascending.length - 1) {
      this.ascending.pop();
      this.counts.pop();
    } else {
      this.ascending.splice(at, 1);
      this.counts.splice(at, 1);
    }
  }

  /** The sequences as they are now, ascending. */
  get sequences(): readonly number[] {
    return [...this.ascending];
  }

  /** Where the first sequence above stands. */
  private placeOf(sequence: number): number {
    const { ascending } = this;
    let low = 0;
    let high = ascending.length;
    if (high > 0 && (ascending[high - 1] as number) <= sequence) return high;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((ascending[middle] as number) <= sequence) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
