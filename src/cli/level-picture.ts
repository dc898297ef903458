/**
 * The tables of a database as a picture: one lane a run, newest first, keys from left to right.
 *
 *   level 0  run 21     2 tables   1.2 MiB  |████▓▓▓▓▓▓          |
 *   level 6  run 17     5 tables    60 MiB  |███▓▓▓▓███▓▓▓▓▓█████|
 *
 * A key stands at its rank among the borders of all tables: so what overlaps in the picture overlaps in keys, while widths say
 * nothing of bytes.
 */
import { compareKeys } from '../format/bytes.js';
import type { TableMetadata } from '../sstable/table-metadata.js';
import { runBytes, type Version } from '../version/version.js';
import { formatBytes, formatNoun } from './output.js';

/** A table and its place: 0 to 1, from the smallest key of all to the largest. */
export interface PlacedTable {
  readonly table: TableMetadata;
  readonly start: number;
  readonly end: number;
}

/** A run with its tables in their places. */
export interface Lane {
  readonly level: number;
  readonly runId: number;
  readonly bytes: number;
  readonly tables: readonly PlacedTable[];
}

const shades = ['█', '▓'] as const;

/** The runs of a version, newest first. */
export function placeTables({ levels }: Version): Lane[] {
  const runs = levels.flatMap(({ runs: ofLevel }, level) => ofLevel.map((run) => ({ level, run })));
  const borders = runs
    .flatMap(({ run }) => run.tables.flatMap(({ smallestKey, largestKey }) => [smallestKey, largestKey]))
    .sort(compareKeys)
    .filter((key, i, all) => i === 0 || compareKeys(all[i - 1] as Uint8Array, key) !== 0);
  const ranks = new Map(borders.map((key, rank) => [Buffer.from(key).toString('latin1'), rank]));
  const place = (key: Uint8Array): number =>
    (ranks.get(Buffer.from(key).toString('latin1')) ?? 0) / Math.max(1, borders.length - 1);
  return runs.map(({ level, run }) => ({
    level,
    runId: run.id,
    bytes: runBytes(run),
    tables: run.tables.map((table) => ({ table, start: place(table.smallestKey), end: place(table.largestKey) })),
  }));
}

function drawLane(tables: readonly PlacedTable[], cells: number): string {
  const row: string[] = Array.from({ length: cells }, () => ' ');
  tables.forEach(({ start, end }, i) => {
    const first = Math.min(cells - 1, Math.floor(start * cells));
    const last = Math.max(first + 1, Math.ceil(end * cells));
    for (let cell = first; cell < last; cell++) row[cell] = shades[i % 2] as string;
  });
  return row.join('');
}

/** The picture as lines of at most `width` columns. */
export function drawLanes(lanes: readonly Lane[], width: number): string[] {
  const labels = lanes.map(({ level, runId, bytes, tables }) => {
    return [`level ${level}`, `run ${runId}`, formatNoun(tables.length, 'table'), formatBytes(bytes)];
  });
  const widths = [0, 1, 2, 3].map((column) => Math.max(0, ...labels.map((label) => (label[column] ?? '').length)));
  const labelWidth = widths.reduce((sum, one) => sum + one + 2, 0);
  const cells = Math.max(10, Math.min(width, 160) - labelWidth - 2);
  return lanes.map(({ tables }, i) => {
    const [level = '', run = '', count = '', bytes = ''] = labels[i] ?? [];
    const label = [level, run.padEnd(widths[1] ?? 0), count.padStart(widths[2] ?? 0), bytes.padStart(widths[3] ?? 0)].join('  ');
    return `${label}  |${drawLane(tables, cells)}|`;
  });
}
