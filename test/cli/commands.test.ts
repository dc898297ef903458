/** Each command: good use, wrong use, a database that is missing, locked or damaged. */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { openBackend, verify } from 'varve';
import { copyOf, filesOf, jsonLines, makeSample, varve, varveProcess, workplace } from './support.js';

const place = workplace();
const sample = join(place, 'sample');
const small = join(place, 'small');
const at = (name: string): string => join(place, name);

const etcdSnapshot = new URL('../fixtures/etcd/server/snapshot.db', import.meta.url).pathname;

let entries = 0;

beforeAll(async () => {
  await makeSample(sample);
  const database = await openBackend({ path: small });
  database.update((tx) => {
    tx.unsafeCreateBucket('fruit');
    tx.unsafeCreateBucket('empty');
    tx.unsafePut('fruit', 'apple', 'red');
    tx.unsafePut('fruit', 'pear', 'green\n');
    tx.unsafePut('fruit', 'plum', Buffer.of(0xff, 0x00));
  });
  await database.close();
  entries = (await verify(small)).entries;
});

describe('reading', () => {
  test('get prints the value, raw, as text, as hexadecimal and as JSON; a key that is not there is code 1', async () => {
    expect(await varve(['get', small, 'fruit', 'apple', '--raw'])).toEqual({ code: 0, stdout: 'red', stderr: '' });
    expect(await varve(['get', small, 'fruit', 'pear'])).toMatchObject({ code: 0, stdout: 'green\\n\n' });
    expect(await varve(['get', small, '6672756974', '706c756d', '--hex'])).toMatchObject({ code: 0, stdout: 'ff00\n' });
    const json = await varve(['get', small, 'fruit', 'plum', '--json']);
    expect(JSON.parse(json.stdout)).toEqual({ key: 'plum', found: true, value: { hex: 'ff00' } });
    expect(await varve(['get', small, 'fruit', 'fig'])).toEqual({ code: 1, stdout: '', stderr: '' });
    const { code, stderr } = await varve(['get', small, 'friut', 'apple']);
    expect(code).toBe(1);
    expect(stderr).toContain('there is no bucket friut');
  });

  test('scan takes ranges, prefixes, limits and directions', async () => {
    expect((await varve(['scan', small, 'fruit'])).stdout).toBe('apple\tred\npear\tgreen\\n\nplum\t\\xff\\x00\n');
    expect((await varve(['scan', small, 'fruit', '-p', 'p', '-k', '-r'])).stdout).toBe('plum\npear\n');
    expect((await varve(['scan', small, 'fruit', '--after', 'apple', '--to', 'plum', '-k'])).stdout).toBe('pear\n');
    expect((await varve(['scan', small, 'fruit', '--from', 'apple', '--through', 'pear', '--count'])).stdout).toBe('2\n');
    const json = await varve(['scan', small, 'fruit', '--limit', '1', '--json']);
    expect(jsonLines(json.stdout)).toEqual([{ key: 'apple', value: 'red' }]);
  });

  test('buckets, stats and hash say what the database says', async () => {
    expect((await varve(['buckets', small])).stdout).toBe('empty\nfruit\n');
    const counted = await varve(['buckets', small, '--count', '--json']);
    expect(JSON.parse(counted.stdout)).toMatchObject([
      { bucket: 'empty', keys: 0 },
      { bucket: 'fruit', keys: 3, bytes: 24 },
    ]);
    const stats = JSON.parse((await varve(['stats', sample, '--json'])).stdout) as { buckets: number; levels: unknown[] };
    expect(stats).toMatchObject({ buckets: 3 });
    expect(stats.levels).toHaveLength(7);
    const { stdout } = await varve(['hash', small, '--json']);
    const database = await openBackend({ path: small, readOnly: true });
    expect(JSON.parse(stdout)).toEqual({ hash: await database.hash() });
    await database.close();
  });

  test('levels draws a line a run, and writes an SVG that it never puts in the place of a file', async () => {
    const { stdout, code } = await varve(['levels', sample, '--svg', at('levels.svg')]);
    expect(code).toBe(0);
    const lanes = JSON.parse((await varve(['levels', sample, '--json'])).stdout) as { level: number; tables: unknown[] }[];
    expect(lanes.length).toBeGreaterThan(0);
    expect(stdout.match(/^level \d +run \d+ .*\|[ █▓]+\|$/gm)).toHaveLength(lanes.length);
    const svg = readFileSync(at('levels.svg'), 'utf8');
    expect(svg.match(/<title>table \d+/g)).toHaveLength(lanes.flatMap(({ tables }) => tables).length);
    writeFileSync(at('mine.svg'), 'mine');
    expect((await varve(['levels', sample, '--svg', at('mine.svg')])).code).toBe(2);
    expect(readFileSync(at('mine.svg'), 'utf8')).toBe('mine');
  });

  test('a command that reads changes no byte of the database', async () => {
    const contents = (): string[] => readdirSync(sample).map((name) => `${name} ${readFileSync(join(sample, name), 'latin1')}`);
    const before = contents();
    const reads = [['get', 'fruit', 'x'], ['scan', 'fruit'], ['dump'], ['verify'], ['snapshot', at('untouched.tar')]];
    for (const [command = '', ...rest] of reads) await varve([command, sample, ...rest]);
    expect(contents()).toEqual(before);
  });
});

describe('writing', () => {
  test('put makes a database and bucket only where it is told to, and takes the value from anywhere', async () => {
    const path = at('put');
    const refused = await varve(['put', path, 'b', 'k', 'v']);
    expect(refused).toMatchObject({ code: 1 });
    expect(refused.stderr).toContain('holds no database');
    expect(existsSync(path)).toBe(false);
    expect((await varve(['put', path, 'b', 'k', 'v\\x00', '--create'])).code).toBe(0);
    expect((await varve(['put', path, 'other', 'k', 'v'])).stderr).toContain('`varve buckets`');
    writeFileSync(at('value'), Buffer.of(1, 2, 3));
    expect((await varve(['put', path, 'b', 'file', '--file', at('value')])).code).toBe(0);
    expect((await varve(['put', path, 'b', 'piped'], 'from a pipe')).code).toBe(0);
    expect((await varve(['scan', path, 'b'])).stdout).toBe('file\t\\x01\\x02\\x03\nk\tv\\x00\npiped\tfrom a pipe\n');
  });

  test('delete takes keys or the bucket, and says how many there were', async () => {
    const path = copyOf(small, 'delete');
    expect(await varve(['delete', path, 'fruit', 'apple', 'fig'])).toMatchObject({ code: 0, stdout: 'deleted 1 key\n' });
    expect(await varve(['delete', path, 'fruit', 'fig'])).toMatchObject({ code: 1 });
    expect(await varve(['delete', path, 'fruit'])).toMatchObject({ code: 2 });
    expect((await varve(['scan', path, 'fruit', '-k'])).stdout).toBe('pear\nplum\n');
    expect((await varve(['delete', path, 'fruit', '--whole-bucket', '--json'])).stdout).toContain('"deletedBucket":true');
    expect((await varve(['buckets', path])).stdout).toBe('empty\n');
  });

  test('defrag keeps the content, and says what it gave back', async () => {
    const path = copyOf(sample, 'defrag');
    const before = (await varve(['hash', path])).stdout;
    const { bytesBefore, bytesAfter } = JSON.parse((await varve(['defrag', path, '--json'])).stdout) as Record<string, number>;
    expect(bytesAfter).toBeLessThan(bytesBefore ?? 0);
    expect((await varve(['hash', path])).stdout).toBe(before);
  });
});

describe('copying', () => {
  test('a snapshot restores to the same hash, from a file and through a pipe; neither replaces what is there', async () => {
    const file = at('snapshot.tar');
    expect((await varve(['snapshot', sample, file])).code).toBe(0);
    expect((await varve(['restore', file, at('restored')])).code).toBe(0);
    const hashes = await Promise.all([sample, at('restored')].map(async (path) => (await varve(['hash', path])).stdout));
    expect(hashes[1]).toBe(hashes[0]);
    const bytes = readFileSync(file);
    expect((await varve(['snapshot', small, file])).code).toBe(2);
    expect(readFileSync(file).equals(bytes)).toBe(true);
    expect((await varve(['restore', file, at('restored')])).code).toBe(2);
    writeFileSync(at('cut.tar'), bytes.subarray(0, bytes.length / 2));
    expect((await varve(['restore', at('cut.tar'), at('cut')])).code).toBe(1);
    expect(existsSync(at('cut'))).toBe(false);
  });

  test('import-etcd and status-etcd give the figures of etcd', async () => {
    const status = await varve(['status-etcd', etcdSnapshot, '--json']);
    const imported = await varve(['import-etcd', etcdSnapshot, at('etcd'), '--json']);
    expect(JSON.parse(imported.stdout)).toEqual(JSON.parse(status.stdout));
    const { hash } = JSON.parse(status.stdout) as { hash: number };
    expect((await varve(['hash', at('etcd')])).stdout.trim()).toBe(hash.toString(16).padStart(8, '0'));
    expect((await varve(['status-etcd', etcdSnapshot, '--checksum', 'perhaps'])).code).toBe(2);
  });
});

describe('what goes wrong', () => {
  test('the advice fits what the command reads: databases are verified and repaired, other files are not', async () => {
    const damaged = at('damaged.tar');
    writeFileSync(damaged, 'no tar');
    for (const words of [
      ['restore', damaged, at('from-damaged')],
      ['status-etcd', at('no such file')],
      ['import-etcd', etcdSnapshot.replace('server/snapshot.db', 'backend-1/db'), at('from-db'), '--checksum', 'require'],
    ]) {
      const { code, stderr } = await varve(words);
      expect(code).toBe(1);
      expect(stderr).not.toMatch(/varve (verify|repair|put|load)/);
    }
  });

  test('verify lists damage and fails; a reading command names the way on', async () => {
    const path = copyOf(sample, 'damaged');
    const [table = ''] = filesOf(path, /\.sst$/);
    const bytes = readFileSync(table);
    bytes[10] = (bytes[10] ?? 0) ^ 1;
    writeFileSync(table, bytes);
    const { code, stdout } = await varve(['verify', path, '--json']);
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({ ok: false, problems: [{ offset: 0 }] });
    expect((await varve(['dump', path])).stderr).toContain('varve repair');
    expect((await varve(['verify', sample])).stdout).toMatch(/^sound: /);
  });

  test('a database that is open elsewhere is refused by every command, with the pid of its owner', async () => {
    const database = await openBackend({ path: small });
    try {
      for (const [command = '', ...rest] of [
        ['put', 'fruit', 'a', 'b'],
        ['verify'],
        ['levels'],
        ['defrag'],
        ['repair', at('never')],
      ]) {
        const { code, stderr } = await varve([command, small, ...rest]);
        expect(code).toBe(1);
        expect(stderr).toContain(`is open already in this process (${process.pid})`);
      }
      const elsewhere = [
        ['get', small, 'fruit', 'apple'],
        ['repair', small, at('never')],
      ];
      for (const { code, stderr } of await Promise.all(elsewhere.map((words) => varveProcess(words)))) {
        expect(code).toBe(1);
        expect(stderr).toContain(`locked by process ${process.pid}`);
      }
      expect(existsSync(at('never'))).toBe(false);
    } finally {
      await database.close();
    }
  });

  test('an error is JSON where that was asked for', async () => {
    const { code, stderr, stdout } = await varve(['stats', at('nowhere'), '--json']);
    expect([code, stdout]).toEqual([1, '']);
    expect(JSON.parse(stderr)).toMatchObject({ error: { code: 'VARVE_NOT_FOUND' } });
  });

  test.each([
    [['scna', small], /Did you mean scan\?/],
    [['scan', small], /missing required argument 'bucket'/],
    [['scan', small, 'fruit', '--limt', '3'], /Did you mean --limit\?/],
    [['scan', small, 'fruit', '--limit', 'many'], /--limit takes a whole number/],
    [['scan', small, 'fruit', '--prefix', 'a', '--from', 'b'], /--prefix is a range of its own/],
    [['get', small, 'fruit', 'xyz', '--hex'], /hexadecimal/],
    [['get', small, 'fruit', 'a\\q'], /unknown escape at character 1/],
    [['put', small, 'fruit', '', 'x'], /key/],
    [['inspect', place], /is no file/],
    [['inspect', etcdSnapshot], /no file of a database/],
  ])('wrong use is code 2, and says what is right: %j', async (words, message) => {
    const { code, stderr, stdout } = await varve(words);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(message);
    expect((await verify(small)).entries).toBe(entries);
  });

  test('no command at all is wrong use, and prints the help to standard error', async () => {
    const { code, stdout, stderr } = await varve([]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain('Usage: varve');
  });
});

test('progress is drawn and wiped where somebody watches, and not with --json', async () => {
  await varve(['snapshot', sample, at('watched.tar')]);
  const watched = await varve(['restore', at('watched.tar'), at('watched')], '', { columns: 80 });
  // eslint-disable-next-line no-control-regex
  expect(watched.stderr).toMatch(/^\r\x1b\[Krestoring {2}\[[#.]{24}\] +\d+ % .*\r\x1b\[K$/s);
  expect((await varve(['restore', at('watched.tar'), at('unwatched'), '--json'], '', { columns: 80 })).stderr).toBe('');
});

describe('trying it out', () => {
  test('the demo holds its claims, and bench measures; both leave nothing behind', async () => {
    const [demo, bench] = await Promise.all([varve(['demo', '--json']), varve(['bench', '--entries', '2000', '--json'])]);
    expect(demo.code, demo.stderr).toBe(0);
    const { claims } = JSON.parse(demo.stdout) as { claims: { holds: boolean }[] };
    expect(claims.every(({ holds }) => holds)).toBe(true);
    expect(bench.code, bench.stderr).toBe(0);
    expect((JSON.parse(bench.stdout) as { results: unknown[] }).results).toHaveLength(5);
  });
});
