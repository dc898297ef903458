/**
 * A table whose keys are out of order, with checksums that are right: a walk over a bucket met a key shorter than the bucket's
 * prefix and threw a RangeError, and a compaction called it a defect of the library.
 */
import { beforeAll, expect, test } from 'vitest';
import { initializeChecksum } from '../../src/format/checksum.js';
import { fieldsOf, readField, withField } from '../hostile/support/forge.js';
import { fileOf, namesOf, withFile } from '../hostile/support/image.js';
import { type Shape, shapeOf } from '../hostile/support/shapes.js';
import { survive } from '../hostile/support/survive.js';

let shape: Shape;
beforeAll(async () => {
  await initializeChecksum();
  shape = await shapeOf('two levels with versions, open');
});

test.each([-100, 1])('a first key whose end moves by %i: every call ends, in damage of that table', async (by) => {
  const [table = ''] = namesOf(shape.image, 'sst');
  const bytes = fileOf(shape.image, table);
  const field = fieldsOf(table, bytes).find(({ what }) => what === 'block 1: key end 0');
  if (field === undefined) throw new Error('the table has no second block');
  const forged = withField(table, bytes, field, Math.max(0, readField(bytes, field) + by));
  const { error, problems } = await survive(withFile(shape.image, table, forged), false);
  expect(error).toMatchObject({ code: 'VARVE_CORRUPTION', file: table });
  expect(problems).toContain(table);
});

test('a key within a block that is empty: every call ends, in damage of that table', async () => {
  const [table = ''] = namesOf(shape.image, 'sst');
  const bytes = fileOf(shape.image, table);
  const fieldOf = (name: string) => fieldsOf(table, bytes).find(({ what }) => what === name);
  const [before, field] = [fieldOf('block 1: key end 1'), fieldOf('block 1: key end 2')];
  if (before === undefined || field === undefined) throw new Error('the table has no second block of three entries');
  const forged = withField(table, bytes, field, readField(bytes, before));
  const { error, problems } = await survive(withFile(shape.image, table, forged), false);
  expect(error).toMatchObject({ code: 'VARVE_CORRUPTION', file: table });
  expect(problems).toContain(table);
});
