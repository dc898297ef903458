/**
 * A log that was put together by somebody else, checksums and all, could give a bucket the id of the catalogue, or one that another
 * bucket had: then one bucket showed what another one holds, or held.
 */
import { beforeAll, expect, test } from 'vitest';
import { initializeChecksum } from '../../src/format/checksum.js';
import { bucketRecord, framesFile } from '../hostile/support/forge.js';
import { type Image, namesOf, fileOf, withFile } from '../hostile/support/image.js';
import { complaints, examine } from '../hostile/support/examine.js';
import { shapeOf } from '../hostile/support/shapes.js';

let image: Image;
beforeAll(async () => {
  await initializeChecksum();
  ({ image } = await shapeOf('one log, open'));
});

const histories: readonly [what: string, records: Buffer[], isSound: boolean][] = [
  ['two buckets', [bucketRecord('a', 1), bucketRecord('b', 2)], true],
  ['one that is deleted and comes back', [bucketRecord('a', 1), bucketRecord('a'), bucketRecord('a', 2)], true],
  ['one that is deleted and never was', [bucketRecord('a')], true],
  ['the largest id', [bucketRecord('a', 0xffff_ffff)], true],
  ['the id of the catalogue', [bucketRecord('a', 0)], false],
  ['one id for two', [bucketRecord('a', 1), bucketRecord('b', 1)], false],
  ['the id of one that was deleted', [bucketRecord('a', 1), bucketRecord('a'), bucketRecord('b', 1)], false],
  ['ids that descend', [bucketRecord('a', 5), bucketRecord('b', 4)], false],
  ['one name twice', [bucketRecord('a', 1), bucketRecord('a', 2)], false],
  ['no name', [bucketRecord('', 1)], false],
  ['a name above the limit', [bucketRecord('n'.repeat(32_769), 1)], false],
  ['an id of three bytes', [bucketRecord('a', Buffer.from([0, 0, 1]))], false],
  ['an id of eight bytes', [bucketRecord('a', Buffer.alloc(8, 1))], false],
];

test.each(histories)('%s', async (what, records, isSound) => {
  const [log = ''] = namesOf(image, 'log');
  const payload = { bytes: Buffer.concat(records), entryCount: records.length, firstSequence: 1 };
  // Frames without records, until the log is as long as the manifest knows it to be.
  const count = Math.ceil(fileOf(image, log).length / 40);
  const empty = Array.from({ length: count }, () => ({
    bytes: new Uint8Array(0),
    entryCount: 0,
    firstSequence: 1 + records.length,
  }));
  const whole = framesFile(fileOf(image, log), 'log', [payload, ...empty]);
  const hurt = withFile(image, log, whole);
  const outcome = await examine(hurt, { readOnly: false, defrag: isSound });
  if (isSound) expect(outcome, what).toHaveProperty('content');
  else expect(outcome, what).toMatchObject({ error: { code: 'VARVE_CORRUPTION', file: log, offset: 64 } });
  expect(await complaints(hurt), what).toEqual(isSound ? [] : [log]);
});
