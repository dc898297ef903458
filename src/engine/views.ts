/**
 * The sequences at which somebody reads: what keeps old versions alive through flush and compaction.
 *
 * A view is only a number. It pins no file and no memory; a job takes a copy of the list when it starts, and a view that is
 * registered later has a sequence that is not below anything that the job reads.
 *
 * Invariants:
 * 1. Each registration is released once; several views may have one sequence.
 * 2. `sequences` is ascending and without repeats.
 */
export class ViewRegistry {
  private readonly counts = new Map<number, number>();
  private sorted: number[] | undefined;

  register(sequence: number): void {
    const count = this.counts.get(sequence);
    this.counts.set(sequence, (count ?? 0) + 1);
    if (count === undefined) this.sorted = undefined;
  }

  release(sequence: number): void {
    const count = this.counts.get(sequence);
    if (count === undefined) return;
    if (count > 1) {
      this.counts.set(sequence, count - 1);
    } else {
      this.counts.delete(sequence);
      this.sorted = undefined;
    }
  }

  get sequences(): readonly number[] {
    this.sorted ??= [...this.counts.keys()].sort((a, b) => a - b);
    return this.sorted;
  }
}
