/**
 * How far something is: one line on standard error that is drawn again and again, on a terminal only.
 *
 *   quiet ── begin ──▶ drawing (ten times a second at most) ── end ──▶ quiet, the line wiped
 *
 * Invariants:
 * 1. Where standard error is no terminal, or JSON was asked for, nothing is written.
 * 2. It keeps no timer: it draws when it is told of something.
 * 3. A line is never wider than the terminal: what wraps could not be wiped.
 */
import type { Writable } from 'node:stream';
import { formatBytes, formatCount, formatDuration } from './output.js';

const millisecondsBetween = 100;
const barCells = 24;

/** How much of something is done, as a bar. */
function drawShare(done: number, total: number): string {
  const share = Math.min(1, done / total);
  const full = Math.round(share * barCells);
  return `[${'#'.repeat(full)}${'.'.repeat(barCells - full)}] ${String(Math.floor(share * 100)).padStart(3)} %`;
}

export class Progress {
  private what = '';
  private began = 0;
  private drawn = 0;
  private isDrawing = false;

  constructor(
    private readonly stream: Writable,
    /** Columns of the terminal, which may change; undefined where nothing is to be drawn. */
    private readonly columns: () => number | undefined,
  ) {}

  /** Begins a line: what is done. */
  begin(what: string): void {
    this.what = what;
    this.began = performance.now();
    this.drawn = 0;
  }

  /** Bytes done, of so many where that is known. */
  bytes(done: number, total?: number): void {
    this.draw(() => {
      if (total === undefined || total === 0) return formatBytes(done);
      return `${drawShare(done, total)}  ${formatBytes(done)} of ${formatBytes(total)}`;
    });
  }

  /** Things done, of so many where that is known. */
  count(done: number, noun: string, total?: number): void {
    this.draw(() => {
      if (total === undefined || total === 0) return `${formatCount(done)} ${noun}`;
      return `${drawShare(done, total)}  ${formatCount(done)} of ${formatCount(total)} ${noun}`;
    });
  }

  /** Wipes the line. */
  end(): void {
    if (this.isDrawing) this.stream.write('\r\u001b[K');
    this.isDrawing = false;
  }

  private draw(describe: () => string): void {
    const columns = this.columns();
    if (columns === undefined) return;
    const now = performance.now();
    if (now - this.drawn < millisecondsBetween) return;
    this.drawn = now;
    this.isDrawing = true;
    const line = `${this.what}  ${describe()}  ${formatDuration(now - this.began)}`;
    // The last column stays free: some terminals begin a new line when it is taken.
    this.stream.write(`\r\u001b[K${line.slice(0, Math.max(0, columns - 1))}`);
  }
}
