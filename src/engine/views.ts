/**
 * The sequences at which somebody reads: what keeps old versions alive through flush and compaction.
 *
 * A view is only a number. It pins no file and no memory; a job takes a copy of the list when it starts, and a view that is
 * registered later has a sequence that is not below anything that the job reads.
 *
 *   ascending   3   5   8   9        a sequence that nobody reads at any more stays, counted as 0, until half of them are such:
 *   counts      1   0   2   1        taking out each at once would move all behind it, for every one of very many views
 *
 * Nearly every view is of the newest state, so the end of the list is looked at first, and what ends there goes at once.
 *
 * Invariants:
 * 1. Each registration is released once; several views may have one sequence.
 * 2. `ascending` is ascending and without repeats, and `counts` says of each how many views have it: of the last one, some.
 * 3. Of `ascending` at most half and `unreadMin` are sequences at which nobody reads, `unread` in all.
 */
const unreadMin = 64;

export class ViewRegistry {
  private readonly ascending: number[] = [];
  private readonly counts: number[] = [];
  private unread = 0;

  register(sequence: number): void {
    const place = this.placeOf(sequence);
    if (this.ascending[place - 1] === sequence) {
      const count = this.counts[place - 1] as number;
      if (count === 0) this.unread--;
      this.counts[place - 1] = count + 1;
    } else if (place === this.ascending.length) {
      this.ascending.push(sequence);
      this.counts.push(1);
    } else {
      this.ascending.splice(place, 0, sequence);
      this.counts.splice(place, 0, 1);
    }
  }

  release(sequence: number): void {
    const { ascending, counts } = this;
    const at = this.placeOf(sequence) - 1;
    if (ascending[at] !== sequence) return;
    const left = (counts[at] as number) - 1;
    if (left < 0) return;
    counts[at] = left;
    if (left > 0) return;
    this.unread++;
    for (; counts[counts.length - 1] === 0; this.unread--) {
      ascending.pop();
      counts.pop();
    }
    if (this.unread > unreadMin && 2 * this.unread > counts.length) this.dropUnread();
  }

  /** The sequences as they are now, ascending. */
  get sequences(): readonly number[] {
    return this.ascending.filter((_, place) => this.counts[place] !== 0);
  }

  private dropUnread(): void {
    const { ascending, counts } = this;
    let kept = 0;
    for (let at = 0; at < counts.length; at++) {
      if (counts[at] === 0) continue;
      ascending[kept] = ascending[at] as number;
      counts[kept++] = counts[at] as number;
    }
    ascending.length = counts.length = kept;
    this.unread = 0;
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
