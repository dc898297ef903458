/** The verification stopped at the first log that was damaged, and the others were never looked at. */
import { beforeAll, expect, test } from 'vitest';
import { initializeChecksum } from '../../src/format/checksum.js';
import { complaints } from '../hostile/support/examine.js';
import { bucketRecord, fieldsOf, framesFile, withField } from '../hostile/support/forge.js';
import { fileOf, namesOf } from '../hostile/support/image.js';
import { allShapes, shapeOf } from '../hostile/support/shapes.js';

beforeAll(initializeChecksum);

test.each([
  ['header', 20],
  ['first frame', 70],
])('every damaged file is named: several logs and tables at once, missing ones too, in the %s of logs', async (_where, at) => {
  for (const { name, image, isSmall } of await allShapes()) {
    const hurt = new Map(image);
    const files = [...namesOf(image, 'sst'), ...namesOf(image, 'log').slice(0, -1)];
    if (!isSmall || files.length < 2) continue;
    for (const file of files) {
      const bytes = fileOf(image, file).slice();
      bytes[at] = (bytes[at] as number) ^ 4;
      hurt.set(file, bytes);
    }
    expect([...new Set(await complaints(hurt))].sort(), name).toEqual(files.sort());
    // The last one is missing, the others are damaged.
    hurt.delete(files.at(-1) as string);
    expect([...new Set(await complaints(hurt))].sort(), `${name}, one missing`).toEqual(files);
  }
});

test.each(['version', 'database id'])(
  'logs whose headers have another %s, under right checksums, are each named',
  async (what) => {
    const { image } = await shapeOf('three logs, open');
    const hurt = new Map(image);
    const logs = namesOf(image, 'log');
    for (const log of logs) {
      const field = fieldsOf(log, fileOf(image, log)).find((each) => each.what === what);
      if (field !== undefined) hurt.set(log, withField(log, fileOf(image, log), field, 99));
    }
    expect([...new Set(await complaints(hurt))].sort()).toEqual(logs);
  },
);

test('a sound log is not named for what a damaged one before it told of buckets', async () => {
  const { image } = await shapeOf('three logs, open');
  const hurt = new Map(image);
  const [damaged = '', next = ''] = namesOf(image, 'log');
  // As long as the log was, as the next one says: filled with the deletion of a bucket that never was.
  const replace = (name: string, groups: readonly Buffer[]): void => {
    const before = fileOf(image, name);
    const first = new DataView(before.buffer, before.byteOffset).getFloat64(56, true);
    const left = groups.reduce((bytes, group) => bytes - 40 - group.length, before.length - 64 - 40);
    const payloads = [...groups, bucketRecord('x'.repeat(left - 9))].map((bytes, i) => ({
      bytes,
      entryCount: 1,
      firstSequence: first + i,
    }));
    hurt.set(name, framesFile(before, 'log', payloads));
  };
  replace(damaged, [bucketRecord('fruit', 1), bucketRecord('fruit')]);
  replace(next, [bucketRecord('fruit', 2)]);
  const [, , last = ''] = namesOf(image, 'log');
  replace(last, []);
  expect(await complaints(hurt)).toEqual([]);
  // The deletion is not known any more.
  const second = 64 + 40 + bucketRecord('fruit', 1).length;
  const bytes = fileOf(hurt, damaged);
  bytes[second + 41] = (bytes[second + 41] as number) ^ 4;
  expect(await complaints(hurt)).toEqual([damaged]);
});
