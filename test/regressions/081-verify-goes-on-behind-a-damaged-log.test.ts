/** The verification stopped at the first log that was damaged, and the others were never looked at. */
import { expect, test } from 'vitest';
import { initializeChecksum } from '../../src/format/checksum.js';
import { complaints } from '../hostile/support/examine.js';
import { fileOf, namesOf } from '../hostile/support/image.js';
import { allShapes } from '../hostile/support/shapes.js';

test('every damaged file is named: several logs and tables at once, missing ones too', async () => {
  await initializeChecksum();
  for (const { name, image, isSmall } of await allShapes()) {
    const hurt = new Map(image);
    const files = [...namesOf(image, 'sst'), ...namesOf(image, 'log').slice(0, -1)];
    if (!isSmall || files.length < 2) continue;
    for (const file of files) {
      const bytes = fileOf(image, file).slice();
      bytes[70] = (bytes[70] as number) ^ 4;
      hurt.set(file, bytes);
    }
    expect([...new Set(await complaints(hurt))].sort(), name).toEqual(files.sort());
    // The last one is missing, the others are damaged.
    hurt.delete(files.at(-1) as string);
    expect([...new Set(await complaints(hurt))].sort(), `${name}, one missing`).toEqual(files);
  }
});
