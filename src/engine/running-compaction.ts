/**
 * One compaction under way: its plan, the jobs among which its work is divided, and what came of them.
 *
 *   waiting ── takeNext ──▶ under way ── take ──▶ all succeeded ─▶ one result, to be installed as a whole
 *                                           ├──▶ one failed    ─▶ none that waits is begun; the first failure, when the others have ended
 *                                           └──▶ called off    ─▶ none that waits is begun; VARVE_ABORTED, when the others have ended
 *
 * Invariants:
 * 1. There is a result only when no job is under way any more: then nobody writes files of this compaction.
 * 2. All parts together read every entry of the inputs, or the result is a failure.
 */
import type { CompactionJob, JobCounts, JobFailure, JobResult, JobSuccess } from '../compaction/job.js';
import { jobFailure } from '../compaction/job-execution.js';
import type { CompactionPlan } from '../compaction/picker.js';
import { VarveError } from '../errors.js';
import { tableFileName } from '../format/file-names.js';

const noWork: JobCounts = { entriesRead: 0, entriesWritten: 0, bytesRead: 0, bytesWritten: 0, blocksCopied: 0 };

export class RunningCompaction {
  /** Names of the files that are held. */
  readonly inputs: readonly string[];
  private readonly successes: JobSuccess[] = [];
  private readonly bytesReadOf = new Map<number, number>();
  private failure: JobFailure | undefined;
  private isCalledOff = false;
  private begun = 0;
  private ended = 0;

  /** `began`: what the clock said. A plan of moves alone has no job. */
  constructor(
    readonly plan: CompactionPlan,
    readonly jobs: readonly CompactionJob[],
    readonly began: number,
  ) {
    this.inputs = plan.removedTables.map(tableFileName);
  }

  /** Jobs that were begun and have not ended. */
  get underWay(): number {
    return this.begun - this.ended;
  }

  /** The next job to be begun, which counts as under way from now on; undefined where there is none, or it would be of no use. */
  takeNext(): CompactionJob | undefined {
    const job = this.goesOn ? this.jobs[this.begun] : undefined;
    if (job !== undefined) this.begun++;
    return job;
  }

  /** No job is begun any more. One that is under way may succeed all the same: it had ended, or was about to. */
  callOff(): void {
    this.isCalledOff = true;
  }

  /** Whether one of its jobs has this id. */
  has(id: number): boolean {
    return this.jobs.some((job) => job.id === id);
  }

  /** Takes the result of one of the jobs. The result of the whole, when no other job is under way. */
  take(result: JobResult): JobResult | undefined {
    this.ended++;
    if (result.ok) this.successes.push(result);
    else this.failure ??= result;
    const isOver = this.underWay === 0 && (!this.goesOn || this.ended === this.jobs.length);
    return isOver ? this.result() : undefined;
  }

  /** Notes what a job has read. Bytes that all of them have. */
  progress(id: number, bytesRead: number): number {
    this.bytesReadOf.set(id, bytesRead);
    let sum = 0;
    for (const bytes of this.bytesReadOf.values()) sum += bytes;
    return sum;
  }

  private get goesOn(): boolean {
    return this.failure === undefined && !this.isCalledOff;
  }

  /** What came of all jobs. */
  result(): JobResult {
    if (this.failure !== undefined) return this.failure;
    const id = this.jobs[0]?.id ?? 0;
    if (this.ended < this.jobs.length) return jobFailure(id, new VarveError('VARVE_ABORTED', 'the compaction was cancelled'));
    const counts = this.successes.map((success) => success.counts).reduce(sumOf, noWork);
    const expected = this.plan.merges.flat(2).reduce((sum, table) => sum + table.entryCount, 0);
    if (counts.entriesRead !== expected) {
      const text = `the parts of a compaction read ${counts.entriesRead} entries of ${expected}`;
      return jobFailure(id, new VarveError('VARVE_ASSERTION', text));
    }
    return { id, ok: true, outputs: this.successes.flatMap((success) => success.outputs), counts };
  }
}

function sumOf(a: JobCounts, b: JobCounts): JobCounts {
  return {
    entriesRead: a.entriesRead + b.entriesRead,
    entriesWritten: a.entriesWritten + b.entriesWritten,
    bytesRead: a.bytesRead + b.bytesRead,
    bytesWritten: a.bytesWritten + b.bytesWritten,
    blocksCopied: a.blocksCopied + b.blocksCopied,
  };
}
