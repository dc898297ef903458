/**
 * How far something is: one line on standard error that is drawn again and again, on a terminal only.
 *
 *   quiet ── begin ──▶ drawing (ten times a second at most) ── end ──▶ quiet, the line wiped
 *
 * Invariants:
 * 1. Where standard error is no terminal, or JSON was asked for, nothing is written.
 * 2. It keeps no timer: it draws when it is told of something.
 */
import type { Writable } from 'node:stream';
import { formatBytes, formatCount, formatDuration } from './output.js';

const millisecondsBetween = 100;
const barCells = 24;

export class Progress {
  private what = '';
  private began = 0;
  private drawn = 0;
  private isDrawing = false;

  constructor(
    private readonly stream: Writable,
    private readonly isShown: boolean,
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
      const share = Math.min(1, done / total);
      const full = Math.round(share * barCells);
      const bar = `[${'#'.repeat(full)}${'.'.repeat(barCells - full)}]`;
      return `${bar} ${String(Math.floor(share * 100)).padStart(3)} %  ${formatBytes(done)} of ${formatBytes(total)}`;
    });
  }

  /** Things done, of a number that is not known. */
  count(done: number, noun: string): void {
    this.draw(() => `${formatCount(done)} ${noun}`);
  }

  /** Wipes the line. */
  end(): void {
    if (this.isDrawing) this.stream.write('\r\u001b[K');
    this.isDrawing = false;
  }

  private draw(describe: () => string): void {
    if (!this.isShown) return;
    const now = performance.now();
    if (now - this.drawn < millisecondsBetween) return;
    this.drawn = now;
    this.isDrawing = true;
    this.stream.write(`\r\u001b[K${this.what}  ${describe()}  ${formatDuration(now - this.began)}`);
  }
}
