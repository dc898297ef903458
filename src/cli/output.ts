/**
 * What commands print: lines, aligned tables, JSON; and numbers as people read them.
 *
 *   line, json ──▶ gathered ── 64 KiB, or flush ──▶ the stream, which is waited for
 *
 * Invariants:
 * 1. Memory is one gathered piece: whoever prints much awaits `flush` where `isFull` says so.
 * 2. What else draws on the same terminal is wiped before something is written.
 * 3. Nobody waits for a reader that does not read once the signal has come.
 * 4. A stream whose reader has gone is an error of the system (EPIPE), thrown by `flush`; main.ts takes it for a good end.
 */
import type { Writable } from 'node:stream';
import { unlessAborted } from './signal.js';

const gatheredCharactersMax = 64 * 1024;

/** One column of a table. */
export interface Column {
  readonly title: string;
  readonly align?: 'left' | 'right';
}

export class Output {
  private gathered: string[] = [];
  private characters = 0;

  constructor(
    private readonly stream: Writable,
    /** Whether the caller asked for JSON. */
    readonly isJson: boolean,
    /** Columns of the terminal, or what is used where there is none. */
    readonly width: number,
    /** Whether a terminal shows it. */
    readonly isTerminal: boolean,
    private readonly signal: AbortSignal,
    private readonly wipe: () => void,
  ) {}

  /** Whether it is time to await `flush`. */
  get isFull(): boolean {
    return this.characters >= gatheredCharactersMax;
  }

  line(text = ''): void {
    this.gathered.push(text, '\n');
    this.characters += text.length + 1;
  }

  /** A value as one line of JSON. */
  json(value: unknown): void {
    this.line(JSON.stringify(value));
  }

  /** The value as JSON where that was asked for, else what `print` prints. */
  report(value: unknown, print: () => void): void {
    if (this.isJson) this.json(value);
    else print();
  }

  /** Names with what stands behind them, aligned. */
  pairs(pairs: readonly (readonly [name: string, value: string])[]): void {
    const width = Math.max(...pairs.map(([name]) => name.length));
    for (const [name, value] of pairs) this.line(`${name.padEnd(width)}  ${value}`.trimEnd());
  }

  table(columns: readonly Column[], rows: readonly (readonly string[])[]): void {
    const widths = columns.map(({ title }, i) => Math.max(title.length, ...rows.map((row) => row[i]?.length ?? 0)));
    const all = [columns.map(({ title }) => title), ...rows];
    for (const row of all) {
      const cells = columns.map(({ align }, i) => {
        const cell = row[i] ?? '';
        return align === 'right' ? cell.padStart(widths[i] ?? 0) : cell.padEnd(widths[i] ?? 0);
      });
      this.line(cells.join('  ').trimEnd());
    }
  }

  /** Writes what was gathered, and waits until the stream has taken it. */
  async flush(): Promise<void> {
    const text = this.gathered.join('');
    this.gathered = [];
    this.characters = 0;
    if (text.length > 0) await this.write(text);
  }

  /** Writes bytes as they are, after what was gathered. */
  async bytes(bytes: Uint8Array): Promise<void> {
    await this.flush();
    await this.write(bytes);
  }

  /** The stream itself, for what brings its own back-pressure. */
  get raw(): Writable {
    return this.stream;
  }

  private write(piece: string | Uint8Array): Promise<void> {
    if (this.isTerminal) this.wipe();
    const written = new Promise<void>((resolve, reject) => {
      this.stream.write(piece, (error) => (error === null || error === undefined ? resolve() : reject(error)));
    });
    return unlessAborted(this.signal, written);
  }
}

/** 1234567 as 1,234,567. */
export function formatCount(count: number): string {
  return count.toLocaleString('en-US');
}

/** A number with the word for what is counted: "1 file", "2 files". */
export function formatNoun(count: number, one: string, several = `${one}s`): string {
  return `${formatCount(count)} ${count === 1 ? one : several}`;
}

/** Bytes with a unit of 1024, three digits at most behind which nothing is lost that one would read. */
export function formatBytes(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let value = bytes;
  let unit = 0;
  for (; value >= 1024 && unit < units.length - 1; unit++) value /= 1024;
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[unit] ?? ''}`;
}

/** Milliseconds as people say them. */
export function formatDuration(milliseconds: number): string {
  if (milliseconds < 1000) return `${Math.round(milliseconds)} ms`;
  if (milliseconds < 60_000) return `${(milliseconds / 1000).toFixed(1)} s`;
  return `${Math.floor(milliseconds / 60_000)} min ${Math.round((milliseconds % 60_000) / 1000)} s`;
}
