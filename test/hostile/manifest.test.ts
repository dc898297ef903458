/**
 * Manifests that contradict themselves, under checksums that are right: tables and runs that come twice, overlap, or are out of
 * order, numbers in forms that nobody writes, counts that nothing follows. Each is damage of the manifest, with its offset.
 */
import { beforeAll, describe, expect, test } from 'vitest';
import { initializeChecksum } from '../../src/format/checksum.js';
import { manifestImage } from '../../src/version/manifest-image.js';
import { readManifest } from '../../src/version/manifest-reader.js';
import { initialState } from '../../src/version/manifest-state.js';
import { versionTables } from '../../src/version/version.js';
import { databaseId, manifestNumber, withManifest } from '../version/version-samples.js';
import { framesFile } from './support/forge.js';

beforeAll(() => initializeChecksum());

/** The shortest form of a number, as docs/format.md has it. */
function varint(number: number): number[] {
  const groups: number[] = [];
  for (let rest = number; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return [...groups, rest];
    groups.push((rest % 128) + 128);
  }
}

interface TableFields {
  readonly number?: number;
  readonly bytes?: number;
  readonly keys?: readonly [string, string];
  readonly sequences?: readonly [number, number];
  readonly entries?: readonly [number, number];
  readonly flags?: number;
}

function table({
  number = 5,
  bytes = 900,
  keys = ['\u0001a', '\u0001m'],
  sequences = [1, 9],
  entries = [10, 2],
  flags = 0,
}: TableFields): number[] {
  const [smallest, largest] = keys.map((key) => [...varint(key.length), ...Buffer.from(key, 'latin1')]) as [number[], number[]];
  return [
    ...varint(number),
    ...varint(bytes),
    ...smallest,
    ...largest,
    ...[...sequences, ...entries, 5000].flatMap(varint),
    flags,
  ];
}

const run = (level: number, id: number, ...tables: number[][]): number[] => [
  ...varint(level),
  ...varint(id),
  ...varint(tables.length),
  ...tables.flat(),
];

const edit = (removed: readonly number[], ...runs: number[][]): number[] => [
  0,
  ...varint(removed.length),
  ...removed.flatMap(varint),
  ...varint(runs.length),
  ...runs.flat(),
];

function readEdits(...edits: number[][]): number[] {
  const payloads = edits.map((bytes, firstSequence) => {
    const padded = new Uint8Array(Math.ceil(bytes.length / 8) * 8);
    padded.set(bytes);
    return { bytes: padded, entryCount: 1, firstSequence };
  });
  const file = framesFile(manifestImage(manifestNumber, initialState(databaseId)), 'manifest', payloads);
  const { version } = readManifest(withManifest(file), 'db', manifestNumber);
  return [...versionTables(version)].map(({ fileNumber }) => fileNumber);
}

const second = table({ number: 6, keys: ['\u0001n', '\u0001z'], sequences: [10, 19] });
const sound: readonly [what: string, edits: number[][], tables: number[]][] = [
  ['a run of two tables', [edit([], run(1, 5, table({}), second))], [5, 6]],
  ['two runs', [edit([], run(1, 5, table({})), run(6, 6, second))], [5, 6]],
  ['a table that joins a run, before it', [edit([], run(6, 1, second)), edit([], run(6, 1, table({})))], [5, 6]],
  ['a table that moves', [edit([], run(1, 5, table({}))), edit([5], run(6, 5, table({})))], [5]],
  ['a run that is replaced under its id', [edit([], run(1, 5, table({}))), edit([5], run(1, 5, second))], [6]],
  [
    'a table that is removed and added again later',
    [edit([], run(1, 5, table({}))), edit([5]), edit([], run(1, 7, table({})))],
    [5],
  ],
  ['an overlap that is gone again', [edit([], run(6, 1, table({}))), edit([], run(6, 1, table({ number: 7 }))), edit([5])], [7]],
  ['the largest level', [edit([], run(6, 5, table({})))], [5]],
  [
    'the largest numbers',
    [edit([], run(6, 2 ** 53 - 1, table({ number: 2 ** 52 - 1, sequences: [0, 2 ** 52] })))],
    [2 ** 52 - 1],
  ],
];

const wrong: readonly [what: string, edits: number[][]][] = [
  ['the same table twice in a run', [edit([], run(1, 5, table({}), table({})))]],
  ['the same table number twice in a run', [edit([], run(1, 5, table({}), [...varint(5), ...second.slice(1)]))]],
  ['the same table in two runs', [edit([], run(1, 5, table({})), run(2, 6, table({})))]],
  ['a table again in a later edit', [edit([], run(1, 5, table({}))), edit([], run(2, 6, table({})))]],
  ['the same run twice in a level', [edit([], run(1, 5, table({})), run(1, 5, second))]],
  ['the same run in two levels', [edit([], run(1, 5, table({})), run(2, 5, second))]],
  ['a run again in another level', [edit([], run(1, 5, table({}))), edit([], run(2, 5, second))]],
  ['a run that moves and stays', [edit([], run(1, 5, table({}))), edit([5], run(2, 5, second), run(1, 5, table({})))]],
  ['a table that came twice, of which one goes', [edit([], run(1, 5, table({}))), edit([], run(2, 6, table({}))), edit([5])]],
  ['a run that came twice, of which one goes', [edit([], run(1, 5, table({}))), edit([], run(2, 5, second)), edit([6])]],
  ['the run 0', [edit([], run(1, 0, table({})))]],
  ['a run without tables', [edit([], run(1, 5))]],
  ['a run without tables that is there', [edit([], run(1, 5, table({}))), edit([], run(1, 5))]],
  ['tables out of order, of which one goes', [edit([]), edit([], run(1, 5, second, table({}))), edit([6])]],
  [
    'a table that joins a run with reversed sequences, and goes',
    [edit([], run(1, 5, table({}))), edit([], run(1, 5, table({ number: 6, keys: ['n', 'z'], sequences: [9, 1] }))), edit([6])],
  ],
  ['tables out of order', [edit([], run(1, 5, second, table({})))]],
  ['tables that overlap', [edit([], run(1, 5, table({}), table({ number: 6, keys: ['\u0001m', '\u0001z'] })))]],
  ['tables that overlap from two edits', [edit([], run(6, 1, table({}))), edit([], run(6, 1, table({ number: 6 })))]],
  ['two runs in the last level', [edit([], run(6, 5, table({})), run(6, 6, second))]],
  [
    'flushes of which the newer one is older',
    [edit([], run(0, 5, table({}))), edit([], run(0, 6, table({ number: 6, sequences: [0, 0] })))],
  ],
  ['a level that is none', [edit([], run(7, 5, table({})))]],
  ['a level far above', [edit([], run(2 ** 53 - 1, 5, table({})))]],
  ['the table 0', [edit([], run(1, 5, table({ number: 0 })))]],
  ['a table number that leaves none', [edit([], run(1, 5, table({ number: 2 ** 53 - 1 })))]],
  ['a sequence that leaves none', [edit([], run(1, 5, table({ sequences: [0, 2 ** 53 - 1] })))]],
  ['a smallest key above the largest', [edit([], run(1, 5, table({ keys: ['\u0001z', '\u0001a'] })))]],
  ['a smallest sequence above the largest', [edit([], run(1, 5, table({ sequences: [9, 1] })))]],
  ['more tombstones than entries', [edit([], run(1, 5, table({ entries: [1, 2] })))]],
  ['unknown flags of a table', [edit([], run(1, 5, table({ flags: 2 })))]],
  ['unknown fields', [[64, 0, 0]]],
  ['a table removed that never was', [edit([9])]],
  ['a table removed twice in an edit', [edit([], run(1, 5, table({}))), edit([5, 5])]],
  ['a table removed twice', [edit([], run(1, 5, table({}))), edit([5]), edit([5])]],
  ['a table removed in the edit that adds it', [edit([5], run(1, 5, table({})))]],
  ['more removed tables than bytes', [[0, ...varint(2 ** 53 - 1), 0, 0]]],
  ['more runs than bytes', [[0, 0, ...varint(2 ** 32)]]],
  ['more tables than bytes', [[0, 0, 1, 1, 5, ...varint(2 ** 31)]]],
  ['a key longer than what follows', [[0, 0, 1, 1, 5, 1, 5, 5, ...varint(30_000), ...new Array<number>(20).fill(1)]]],
  ['a key above the limit', [[0, 0, 1, 1, 5, 1, 5, 5, ...varint(2 ** 31), ...new Array<number>(20).fill(1)]]],
  ['a number in more bytes than it needs', [[0, 0x80, 0, 0]]],
  ['a number of nine bytes', [[0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 0]]],
  ['a number of ten bytes that would be negative', [[0, ...new Array<number>(9).fill(0xff), 1]]],
  ['a number of 2^53', [[0, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x10]]],
  ['a number that is cut off', [[0, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80]]],
  ['more than padding behind it', [[0, 0, 0, ...new Array<number>(9).fill(0)]]],
  ['padding that is not zero', [[0, 0, 0, 1]]],
  ['an oldest log that leaves no number', [[1, ...varint(2 ** 53 - 1), 0, 0]]],
  ['a last sequence that leaves none', [[2, ...varint(2 ** 53 - 1), 0, 0]]],
  ['a next file that leaves none', [[4, ...varint(2 ** 53 - 1), 0, 0]]],
  ['a next bucket above all', [[8, ...varint(2 ** 32 + 1), 0, 0]]],
  ['a newest log that leaves no number', [[16, ...varint(2 ** 53 - 1), 0, 0]]],
];

describe('a manifest put together by hand', () => {
  test.each(sound)('may have %s', (what, edits, tables) => {
    expect(readEdits(...edits), what).toEqual(tables);
  });

  test.each(wrong)('with %s is damaged', (what, edits) => {
    expect(() => readEdits(...edits), what).toThrow(
      expect.objectContaining({ code: 'VARVE_CORRUPTION', file: 'MANIFEST-000007', offset: expect.any(Number) }),
    );
    // Also behind edits that are sound.
    expect(() => readEdits(edit([]), ...edits, edit([])), what).toThrow(expect.objectContaining({ code: 'VARVE_CORRUPTION' }));
  });

  test('is damaged where its first record is, although a later one mends that', () => {
    const two = edit([], run(6, 5, table({})), run(6, 6, second));
    expect(() => readEdits(two, edit([5]))).toThrow(expect.objectContaining({ code: 'VARVE_CORRUPTION' }));
    expect(readEdits(edit([]), two, edit([5]))).toEqual([6]);
  });
});
