/**
 * What claims much takes little: compressed blocks that unfold to gigabytes, lengths and counts at the end of their range. All are
 * opened, read and verified by a process of its own, whose memory must stay close to that for the files as they were.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { initializeChecksum } from '../../src/format/checksum.js';
import { byTier, report } from '../support/tier.js';
import { extremesOf, fieldsOf, forged, layoutOf, readField, withField } from './support/forge.js';
import { fileOf, type Image, namesOf, withFile } from './support/image.js';
import { type Shape, shapeOf } from './support/shapes.js';
import { survive } from './support/survive.js';
import { bomb, type FrameClaims } from './support/zstd.js';

let shape: Shape;
beforeAll(async () => {
  await initializeChecksum();
  shape = await shapeOf('two levels with versions, compressed, closed');
});

const gibibyte = 2 ** 30;
const mebibyte = 2 ** 20;
const fixture = fileURLToPath(new URL('fixtures/read-all.mjs', import.meta.url));

const bombs: readonly [what: string, claims: FrameClaims, rawBytes: number, change?: (frame: Buffer) => Buffer][] = [
  ['a claim of 4 GiB in frame and handle', { contentBytes: BigInt(4 * gibibyte) }, 2 ** 32 - 1],
  ['a claim of 1 GiB in frame and handle', { contentBytes: BigInt(gibibyte) }, gibibyte],
  ['a claim of 2^63 in the frame', { contentBytes: 2n ** 63n }, 16_384],
  ['a claim of just above the limit', { contentBytes: BigInt(4 * mebibyte + 1) }, 4 * mebibyte + 1],
  ['the largest block that is allowed, of nothing but zeros', { contentBytes: BigInt(4 * mebibyte) }, 4 * mebibyte],
  ['no claim, and much more than the handle says', {}, 16_384],
  ['no claim, and less than the handle says', {}, 4 * mebibyte],
  ['the right claim, and much more behind it', { contentBytes: 16_384n }, 16_384],
  ['a window of 2 TiB', { windowLog: 41 }, 16_384],
  ['a window of 16 MiB', { windowLog: 24 }, 16_384],
  ['a dictionary', { dictionaryId: 7 }, 16_384],
  [
    'many frames',
    {},
    16_384,
    (frame) => Buffer.concat(Array.from({ length: 8 }, () => bomb(frame.length >> 3, {}))).subarray(0, frame.length),
  ],
  ['a frame that is cut off', {}, 16_384, (frame) => Buffer.concat([frame.subarray(0, -6), Buffer.from([3, 0, 16, 0, 0, 0])])],
  ['blocks of a reserved type', {}, 16_384, (frame) => Buffer.from(frame.map((byte, i) => (i === 6 ? 6 : byte)))],
  ['no frame at all', {}, 16_384, (frame) => Buffer.alloc(frame.length, 0x28)],
];

/** The database with a frame in the place of the first block of its first table. */
function withBomb(
  name: string,
  claims: FrameClaims,
  rawBytes: number,
  change: (frame: Buffer) => Buffer = (frame) => frame,
): Image {
  const table = fileOf(shape.image, name);
  const [first] = layoutOf(table).blocks;
  if (first === undefined || table[first.handle + 16] !== 1) throw new Error('the first block is not compressed');
  const bytes = forged(name, table, (copy) => {
    copy.set(change(bomb(first.bytes, claims)), first.at);
    new DataView(copy.buffer).setUint32(first.handle + 12, rawBytes, true);
  });
  return withFile(shape.image, name, bytes);
}

function onDisk(images: readonly Image[]): string[] {
  const outer = mkdtempSync(join(tmpdir(), 'varve-hostile-'));
  onTestFinished(() => rmSync(outer, { recursive: true, force: true }));
  return images.map((image, i) => {
    const path = join(outer, String(i));
    mkdirSync(path);
    for (const [name, bytes] of image) writeFileSync(join(path, name), bytes);
    return path;
  });
}

function readAll(images: readonly Image[]): { codes: Record<string, number>; peakBytes: number } {
  const output = execFileSync(process.execPath, [fixture, ...onDisk(images)], { encoding: 'utf8' });
  return JSON.parse(output) as { codes: Record<string, number>; peakBytes: number };
}

describe('a block that claims or unfolds to more than it is', () => {
  test.each(bombs)('%s: damage of the table', async (what, claims, rawBytes, change) => {
    const [name = ''] = namesOf(shape.image, 'sst');
    const { error, problems } = await survive(withBomb(name, claims, rawBytes, change), false);
    expect(error, what).toMatchObject({ code: 'VARVE_CORRUPTION', file: name });
    expect(problems, what).toContain(name);
  });
});

describe('a process that reads files which claim gigabytes', () => {
  test('takes 64 MiB more, at most, than one that reads them as they were', { timeout: 600_000 }, () => {
    const [name = ''] = namesOf(shape.image, 'sst');
    const images = bombs.map(([, claims, rawBytes, change]) => withBomb(name, claims, rawBytes, change));
    for (const [file, bytes] of shape.image) {
      for (const field of fieldsOf(file, bytes).filter(({ what }) => /bytes|length|count|end|lines/.test(what))) {
        const large = extremesOf(field, readField(bytes, field)).filter((value) => value >= 2 ** 30);
        images.push(...large.map((value) => withFile(shape.image, file, withField(file, bytes, field, value))));
      }
    }
    const sample = byTier(
      images.filter((_, i) => i < bombs.length || i % 20 === 0),
      images,
    );
    const before = readAll(Array.from({ length: 8 }, () => shape.image));
    const after = readAll(sample);
    expect(before.codes).toEqual({});
    expect(Object.keys(after.codes)).toEqual(['VARVE_CORRUPTION']);
    expect(after.codes['VARVE_CORRUPTION']).toBeGreaterThanOrEqual(bombs.length);
    expect((after.peakBytes - before.peakBytes) / mebibyte).toBeLessThan(64);
    report(
      'memory',
      `${sample.length} files, ${Math.round((after.peakBytes - before.peakBytes) / mebibyte)} MiB more than as they were`,
    );
  });
});
