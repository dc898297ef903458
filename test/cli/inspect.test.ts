/** `varve inspect`: every kind of file of a database, sound and damaged, under any name. */
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { openBackend } from 'varve';
import { bytesFromJson, bytesToJson, endOfPrefix, formatBytesAs, parseBytesAs } from '../../src/cli/bytes-text.js';
import { byTier, seedOf } from '../support/tier.js';
import { filesOf, jsonLines, makeSample, varve, workplace } from './support.js';

const place = workplace();
const sample = join(place, 'sample');
interface Part {
  readonly part: string;
  readonly offset?: number;
  readonly [field: string]: unknown;
}

beforeAll(async () => {
  await makeSample(sample);
});

async function parts(file: string, ...words: string[]): Promise<{ code: number | null; parts: Part[] }> {
  const { code, stdout, stderr } = await varve(['inspect', file, '--json', ...words]);
  expect(stderr).toBe('');
  return { code, parts: jsonLines(stdout) as Part[] };
}

const kindsOf = (found: readonly Part[]): Set<string> => new Set(found.map(({ part }) => part));

describe('a sound file', () => {
  test.each([
    [/\.sst$/, ['footer', 'filter section', 'properties', 'filter', 'block', 'put']],
    [/\.log$/, ['header', 'frame', 'put', 'end']],
    [/^MANIFEST/, ['header', 'edit', 'closing frame', 'end', 'state']],
    [/^CURRENT$/, ['current']],
    [/^LOCK$/, ['lock']],
  ])('%s shows its parts and no problem, and does so under another name', async (pattern, expected) => {
    const [file = ''] = filesOf(sample, pattern).slice(-1);
    const found = await parts(file, '--entries');
    expect(found.code).toBe(0);
    expect([...kindsOf(found.parts)]).toEqual(expect.arrayContaining(expected));
    expect((await varve(['inspect', file])).stdout.split('\n').length).toBeGreaterThan(1);
    const isEmpty = readFileSync(file).length === 0;
    if (isEmpty) return;
    copyFileSync(file, join(place, 'renamed'));
    expect(await parts(join(place, 'renamed'), '--entries')).toEqual(found);
  });

  test('every entry of a table and of a log is shown, as many as their frames and blocks say', async () => {
    for (const file of filesOf(sample, /\.(sst|log)$/)) {
      const { parts: found } = await parts(file, '--entries');
      const entries = found.filter(({ part }) => part === 'put' || part === 'delete').length;
      const said = found.filter(({ part }) => part === 'block' || part === 'frame').map(({ entryCount }) => Number(entryCount));
      expect(entries).toBe(said.reduce((sum, count) => sum + count, 0));
    }
  });

  test('LOCK names its owner while a database is open', async () => {
    const database = await openBackend({ path: sample });
    const { parts: found } = await parts(join(sample, 'LOCK'));
    await database.close();
    expect(found).toMatchObject([{ pid: process.pid, process: 'alive' }]);
  });
});

test('a changed byte anywhere in a table, a manifest or CURRENT is a problem, and nothing else goes wrong', async () => {
  const files = filesOf(sample, /\.sst$|^MANIFEST|^CURRENT$/);
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...files),
      fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }),
      async (file, share) => {
        const bytes = readFileSync(file);
        const at = Math.floor(bytes.length * share);
        bytes[at] = (bytes[at] ?? 0) ^ 4;
        // Where the mark itself is hit the name tells what the file is.
        const copy = join(place, file.slice(sample.length + 1));
        writeFileSync(copy, bytes);
        const found = await parts(copy);
        const isTornTail = found.parts.some(({ part, unreadBytes }) => part === 'end' && unreadBytes !== undefined);
        expect(found.code === 1 || isTornTail).toBe(true);
        expect(found.code === 1).toBe(kindsOf(found.parts).has('problem'));
      },
    ),
    { seed: seedOf('cli inspect'), numRuns: byTier(30, 2000) },
  );
});

describe('keys and values as text', () => {
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 40 }),
    fc.string({ unit: 'binary' }).map((text) => new Uint8Array(Buffer.from(text))),
  );

  test('every form reads back as the same bytes, on one line without a tab', () => {
    fc.assert(
      fc.property(bytes, (given) => {
        for (const form of ['text', 'hex'] as const) {
          const text = formatBytesAs(form, given);
          // eslint-disable-next-line no-control-regex
          expect(text).not.toMatch(/[\u0000-\u001f\u007f]/);
          expect(new Uint8Array(parseBytesAs(form, 'it', text))).toEqual(given);
        }
        const json: unknown = JSON.parse(JSON.stringify(bytesToJson(given)));
        expect(new Uint8Array(bytesFromJson('it', json))).toEqual(given);
      }),
    );
  });

  test('the end of a prefix is above all keys that begin with it, and not above the next', () => {
    expect(endOfPrefix(Buffer.from('a'))).toEqual(Buffer.from('b'));
    expect(endOfPrefix(Buffer.of(1, 0xff))).toEqual(Buffer.of(2));
    expect(endOfPrefix(Buffer.of(0xff, 0xff))).toBeUndefined();
  });
});

describe('dump and load', () => {
  test('any content comes back through JSON lines, empty buckets too', async () => {
    const key = fc.uint8Array({ minLength: 1, maxLength: 12 });
    const content = fc.array(fc.tuple(key, fc.array(fc.tuple(key, fc.uint8Array({ maxLength: 30 })), { maxLength: 20 })), {
      maxLength: 5,
    });
    let cases = 0;
    await fc.assert(
      fc.asyncProperty(content, async (buckets) => {
        const [from, to] = [join(place, `from-${cases}`), join(place, `to-${cases++}`)];
        const database = await openBackend({ path: from, unsafeNoFsync: true });
        database.update((tx) => {
          for (const [bucket, entries] of buckets) {
            tx.unsafeCreateBucket(bucket);
            for (const [name, value] of entries) tx.unsafePut(bucket, name, value);
          }
        });
        await database.close();
        const dumped = await varve(['dump', from]);
        expect((await varve(['load', to, '--section', '7'], dumped.stdout)).code).toBe(0);
        expect((await varve(['dump', to])).stdout).toBe(dumped.stdout);
        expect((await varve(['hash', to])).stdout).toBe((await varve(['hash', from])).stdout);
      }),
      { seed: seedOf('cli dump'), numRuns: byTier(3, 200) },
    );
  });

  test.each([
    ['no JSON', 'nonsense'],
    ['no object', '[1]'],
    ['an unknown field', '{"bucket":"b","key":"k","value":"v","ttl":1}'],
    ['no bucket', '{"key":"k","value":"v"}'],
    ['no value', '{"bucket":"b","key":"k"}'],
    ['bytes that are none', '{"bucket":"b","key":{"hex":"0"},"value":"v"}'],
    ['an empty key', '{"bucket":"b","key":"","value":"v"}'],
  ])('a line with %s ends a load with its number; the sections before it are loaded', async (name, line) => {
    const path = join(place, `bad-${name}`);
    const good = '{"bucket":"b","key":"1","value":"x"}\n';
    const { code, stderr } = await varve(['load', path, '--section', '1'], `${good}${line}\n${good}`);
    expect(code).toBe(2);
    expect(stderr).toMatch(/^varve load: line 2: .*\(the lines up to 1 are loaded\)/);
    expect((await varve(['scan', path, 'b', '--count'])).stdout).toBe('1\n');
  });
});
