/**
 * Bytes that change by themselves: each small database is hurt in one file, in every way that disks know, and then opened, read
 * in every way, verified, and at times compacted. The oracle says what may come of it.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { initializeChecksum } from '../../src/format/checksum.js';
import { seededRandom } from '../support/memory-file-system.js';
import { byTier, isDeep, report, seedOf } from '../support/tier.js';
import { complaints, examine } from './support/examine.js';
import { type HurtKind, hurtKinds, hurtsOf } from './support/hurts.js';
import { withFile } from './support/image.js';
import { problemOf, verdictOn } from './support/oracle.js';
import { allShapes, type Shape, shapeNames } from './support/shapes.js';

const seed = seedOf('hostile bytes');
const counts = new Map<string, number>();
let shapes: Shape[] = [];

beforeAll(async () => {
  await initializeChecksum();
  shapes = await allShapes();
});

afterAll(() => {
  for (const [kind, count] of counts) report('hostile bytes', `${kind}: ${count} cases`);
});

/** How many cases of a kind a file of a shape gets: in the quick tier, and for what is large, a sample. */
function sampleOf(kind: HurtKind, shape: Shape): number {
  if (!isDeep) return kind === 'bit' && shape.isSmall ? 4 : 2;
  return shape.isSmall ? Number.POSITIVE_INFINITY : 400;
}

async function check(shape: Shape, name: string, what: string, after: Uint8Array, number: number): Promise<void> {
  const image = withFile(shape.image, name, after);
  const verdict = verdictOn(shape, name, after);
  const outcome = await examine(image, { readOnly: number % 3 === 1, defrag: number % byTier(8, 16) === 0 });
  const where = `${shape.name}, ${name}: ${what}`;
  expect(problemOf(shape, verdict, outcome), where).toBeUndefined();
  if (number % 2 !== 0 && !('error' in outcome)) return;
  const found = await complaints(image);
  if (verdict.mustBeFound) expect(found, `${where}: verify`).toContain(name);
  else if ('content' in outcome) expect(found, `${where}: verify`).toEqual([]);
  else expect(found.length, `${where}: verify`).toBeGreaterThan(0);
}

describe('a database that is whole', () => {
  test('shows its newest state, and verify has nothing to say', async () => {
    for (const shape of shapes) {
      expect(await examine(shape.image, { readOnly: false, defrag: true }), shape.name).toEqual({ content: shape.states.at(-1) });
      expect(await complaints(shape.image), shape.name).toEqual([]);
    }
  });
});

describe.each(hurtKinds)('one file of a database, hurt: %s', (kind) => {
  test.each(shapeNames)(
    '%s: shows what the oracle allows, or says what is damaged',
    { timeout: 3_600_000 },
    async (shapeName) => {
      const shape = shapes.find(({ name }) => name === shapeName) as Shape;
      const random = seededRandom(seed);
      let number = 0;
      for (const name of shape.image.keys()) {
        for (const { what, bytes } of hurtsOf(kind, shape.image, name, sampleOf(kind, shape), random)) {
          await check(shape, name, what, bytes, number++);
        }
      }
      counts.set(kind, (counts.get(kind) ?? 0) + number);
      expect(number).toBeGreaterThan(0);
    },
  );
});
