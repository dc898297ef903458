/**
 * The pace of long work: others of the event loop go first now and then; there the signal is asked and progress is told.
 *
 * Invariant: between two rests lie some milliseconds of work, and one value.
 */
import { checkNotAborted } from '../backend/snapshot.js';
import type { Clock } from '../env/clock.js';

/** Work between two looks at the clock, in bytes, where a step counts as some itself; and the time after which others go first. */
const bytesPerLook = 64 * 1024;
const stepBytes = 64;
const sliceMs = 8;

export class Pace {
  private began: number;
  private bytes = 0;

  constructor(
    private readonly clock: Clock,
    private readonly signal: AbortSignal | undefined,
    /** Told how much is done, in the unit of the caller of `rest`. */
    private readonly onProgress: ((done: number) => void) | undefined,
  ) {
    this.began = clock.now();
    checkNotAborted(signal);
  }

  /** Whether it is time for a rest, after a step over that many bytes. */
  isDue(bytes: number): boolean {
    this.bytes += bytes + stepBytes;
    if (this.bytes < bytesPerLook) return false;
    this.bytes = 0;
    return this.clock.now() - this.began >= sliceMs;
  }

  /** Lets others go first. Throws VARVE_ABORTED, and what the listener throws. */
  async rest(done: number): Promise<void> {
    this.onProgress?.(done);
    await new Promise((resolve) => setImmediate(resolve));
    this.check();
    this.began = this.clock.now();
  }

  /** Throws VARVE_ABORTED where the caller called it off. */
  check(): void {
    checkNotAborted(this.signal);
  }
}
