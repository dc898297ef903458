/**
 * Files that lie, with checksums that are right: every length, count, offset and number at its extremes. No content can be right
 * then, but every call ends, and never in another way than with an error about damage.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { initializeChecksum } from '../../src/format/checksum.js';
import { seededRandom } from '../support/memory-file-system.js';
import { isDeep, report, seedOf } from '../support/tier.js';
import { extremesOf, fieldsOf, forged, kindOf, readField, withField } from './support/forge.js';
import { withFile } from './support/image.js';
import { allShapes, type Shape } from './support/shapes.js';
import { survive } from './support/survive.js';

let shapes: Shape[] = [];
const random = seededRandom(seedOf('forged fields'));
let cases = 0;
/** Share of the cases: in the quick tier a sample. */
const share = isDeep ? 1 : 0.005;

beforeAll(async () => {
  await initializeChecksum();
  shapes = (await allShapes()).filter(({ isSmall }) => isSmall);
});

afterAll(() => report('forged fields', `${cases} cases`));

async function check(shape: Shape, name: string, what: string, bytes: Uint8Array): Promise<void> {
  const where = `${shape.name}, ${name}: ${what}`;
  await survive(withFile(shape.image, name, bytes), cases++ % 4 === 3).catch((error: unknown) => {
    throw new Error(`${where}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  });
}

describe('a file put together again', () => {
  test('is the file it was, where nothing was changed', () => {
    for (const { image } of shapes) {
      for (const [name, bytes] of image)
        expect(
          forged(name, bytes, () => {}),
          name,
        ).toEqual(bytes);
    }
  });
});

describe('a number that lies, under checksums that are right', () => {
  test('ends in a result or in damage', { timeout: 3_600_000 }, async () => {
    for (const shape of shapes) {
      for (const [name, bytes] of shape.image) {
        for (const field of fieldsOf(name, bytes)) {
          const value = readField(bytes, field);
          for (const extreme of extremesOf(field, value)) {
            if (random() > share) continue;
            await check(shape, name, `${field.what} ${extreme} instead of ${value}`, withField(name, bytes, field, extreme));
          }
        }
      }
    }
    expect(cases).toBeGreaterThan(0);
  });

  test('of a version is VARVE_UNSUPPORTED_VERSION, and changes nothing on disk', async () => {
    for (const shape of shapes) {
      for (const [name, bytes] of shape.image) {
        const version = fieldsOf(name, bytes).find(({ what }) => what === 'version');
        if (version === undefined) continue;
        for (const value of [0, 2, 0xffff_ffff]) {
          const { error, problems } = await survive(withFile(shape.image, name, withField(name, bytes, version, value)), false);
          expect(error, `${name}, version ${value}`).toMatchObject({ code: 'VARVE_UNSUPPORTED_VERSION', file: name });
          expect(problems, name).toContain(name);
        }
      }
    }
  });

  test('of a database id is damage that names the file', async () => {
    for (const shape of shapes) {
      for (const [name, bytes] of shape.image) {
        const id = fieldsOf(name, bytes).find(({ what }) => what === 'database id');
        if (id === undefined || kindOf(name) === 'manifest') continue;
        const { error, problems } = await survive(withFile(shape.image, name, withField(name, bytes, id, 99)), false);
        expect(error, name).toMatchObject({ code: 'VARVE_CORRUPTION', file: name });
        expect(problems, name).toContain(name);
      }
    }
  });
});
