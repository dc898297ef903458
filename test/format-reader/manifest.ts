/**
 * A manifest, replayed into the state that it describes. Written from docs/format.md alone.
 */
import { Bytes, check } from './bytes.js';
import { frames } from './frames.js';

export interface Table {
  readonly fileNumber: number;
  readonly fileBytes: number;
  readonly smallestKey: string;
  readonly largestKey: string;
  readonly minSequence: number;
  readonly maxSequence: number;
  readonly entries: number;
  readonly tombstones: number;
  readonly rawBytes: number;
  readonly flags: number;
}

interface Run {
  readonly id: number;
  tables: Table[];
}

export interface State {
  /** Levels from 0 to 6, in each the runs from the newest to the oldest. */
  readonly levels: Run[][];
  /** Oldest log, last sequence, next file, next bucket, newest log, its durable bytes: the order of the fields on disk. */
  readonly counters: number[];
}

function readTable(edit: Bytes): Table {
  return {
    fileNumber: edit.varint(),
    fileBytes: edit.varint(),
    smallestKey: edit.byteString(),
    largestKey: edit.byteString(),
    minSequence: edit.varint(),
    maxSequence: edit.varint(),
    entries: edit.varint(),
    tombstones: edit.varint(),
    rawBytes: edit.varint(),
    flags: edit.byte(),
  };
}

function apply(state: State, edit: Bytes): void {
  const { levels, counters } = state;
  const fields = edit.byte();
  const given = counters.map((_, bit) => ((fields >> bit) & 1 ? edit.varint() : 0));
  const [newestLog = 0, givenLog = 0] = [counters[4], given[4]];
  // The bytes belong to the newest log: those of an older one count for nothing, and with a new one they begin anew.
  if (givenLog > newestLog) counters[5] = 0;
  for (const [i, value] of given.entries()) if (i !== 5 || givenLog >= newestLog) counters[i] = Math.max(counters[i] ?? 0, value);
  const removed = new Set<number>();
  for (let left = edit.varint(); left > 0; left--) removed.add(edit.varint());
  const before = levels.flat().flatMap(({ tables }) => tables.map(({ fileNumber }) => fileNumber));
  check(
    [...removed].every((number) => before.includes(number)),
    'an edit removes a table that is not there',
  );
  for (const run of levels.flat()) run.tables = run.tables.filter(({ fileNumber }) => !removed.has(fileNumber));
  const added: Run[][] = levels.map(() => []);
  for (let left = edit.varint(); left > 0; left--) {
    const level = edit.varint();
    const id = edit.varint();
    const tables: Table[] = [];
    for (let count = edit.varint(); count > 0; count--) tables.push(readTable(edit));
    const existing = levels[level]?.find((run) => run.id === id);
    if (existing === undefined) added[level]?.push({ id, tables });
    else existing.tables.push(...tables);
    for (const { fileNumber, maxSequence } of tables) {
      counters[1] = Math.max(counters[1] ?? 0, maxSequence);
      counters[2] = Math.max(counters[2] ?? 0, fileNumber + 1);
    }
  }
  counters[2] = Math.max(counters[2] ?? 0, (counters[0] ?? 0) + 1, (counters[4] ?? 0) + 1);
  for (const [level, runs] of levels.entries())
    levels[level] = [...(added[level] ?? []), ...runs].filter((run) => run.tables.length > 0);
  check(
    edit.slice(edit.at, edit.bytes.length).every((byte) => byte === 0),
    'an edit that is not padded with zeros',
  );
}

export function readManifest(file: Bytes): State {
  const state: State = { levels: [[], [], [], [], [], [], []], counters: [0, 0, 1, 1, 0, 0] };
  for (const frame of frames(file, 40, 'EMV', true)) if ((frame.flags & 2) === 0) apply(state, new Bytes(frame.payload));
  return state;
}
