/**
 * A file name, a log or a manifest with the largest numbers there are left none for what comes after: the next sequence or file
 * number was a broken invariant, which poisoned the database or kept it from opening.
 */
import { beforeAll, expect, test } from 'vitest';
import { initializeChecksum } from '../../src/format/checksum.js';
import { fieldsOf, withField } from '../hostile/support/forge.js';
import { examine } from '../hostile/support/examine.js';
import { fileOf, namesOf, withFile } from '../hostile/support/image.js';
import { type Shape, shapeOf } from '../hostile/support/shapes.js';
import { survive } from '../hostile/support/survive.js';

let shape: Shape;
beforeAll(async () => {
  await initializeChecksum();
  shape = await shapeOf('one log, open');
});

test.each([2 ** 53 - 1, 2 ** 52 + 1])('a leftover file with the number %i is damage that names it', async (number) => {
  const name = `${number}.log`;
  const outcome = await examine(withFile(shape.image, name, new Uint8Array(0)), { readOnly: false, defrag: false });
  expect(outcome).toMatchObject({ error: { code: 'VARVE_CORRUPTION', file: name } });
});

test('a number that is none is foreign', async () => {
  const image = withFile(shape.image, '9007199254740993.log', new Uint8Array(0));
  expect(await examine(image, { readOnly: false, defrag: false })).toEqual({ content: shape.states.at(-1) });
});

test.each([2 ** 53 - 1, 2 ** 52])('a log whose last frame begins at sequence %i is damage', async (sequence) => {
  const [log = ''] = namesOf(shape.image, 'log');
  const bytes = fileOf(shape.image, log);
  const field = fieldsOf(log, bytes).findLast(({ what }) => what.endsWith('first sequence'));
  if (field === undefined) throw new Error('the log has no frame');
  const { error } = await survive(withFile(shape.image, log, withField(log, bytes, field, sequence)), false);
  expect(error).toMatchObject({ code: 'VARVE_CORRUPTION', file: log });
});
