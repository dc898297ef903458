/**
 * The text for Prometheus, read by a parser that refuses everything that its format does not allow; and the snippets of docs/observability.md.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { prometheusContentType, prometheusText } from 'varve';
import { describe, expect, test } from 'vitest';
import { expectCode, open } from '../contract/support/harness.js';

const root = fileURLToPath(new URL('../../', import.meta.url));
const documentation = readFileSync(join(root, 'docs/observability.md'), 'utf8');

interface Family {
  readonly type: string;
  readonly samples: { labels: Record<string, string>; value: number }[];
}

/** Strict: HELP, TYPE, then samples of that name alone; every family once, every series once; nothing else. */
function parse(text: string): Map<string, Family> {
  expect(text.endsWith('\n')).toBe(true);
  const families = new Map<string, Family>();
  const lines = text.slice(0, -1).split('\n');
  for (let at = 0; at < lines.length;) {
    const [, name = '', help = ''] = /^# HELP ([a-zA-Z_:][a-zA-Z0-9_:]*) (.+)$/.exec(lines[at++] ?? '') ?? [];
    expect(help).not.toBe('');
    const [, typed, type = ''] = /^# TYPE (\S+) (counter|gauge)$/.exec(lines[at++] ?? '') ?? [];
    expect(typed).toBe(name);
    expect(families.has(name)).toBe(false);
    const family: Family = { type, samples: [] };
    const series = new Set<string>();
    for (; at < lines.length && !(lines[at] as string).startsWith('#'); at++) {
      const [, own, labelText = '', value = ''] = /^([a-zA-Z_][a-zA-Z0-9_]*)(?:\{(.*)\})? (\S+)$/.exec(lines[at] as string) ?? [];
      expect(own, lines[at]).toBe(name);
      const labels: Record<string, string> = {};
      let rest = labelText;
      while (rest !== '') {
        const [all, label = '', raw = ''] =
          /^([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\n"])*)"(?:,|$)/.exec(rest) ?? expect.fail(rest);
        expect(label in labels).toBe(false);
        labels[label] = raw.replace(/\\(.)/g, (_, escaped: string) => (escaped === 'n' ? '\n' : escaped));
        rest = rest.slice(all.length);
      }
      expect(series.has(labelText)).toBe(false);
      series.add(labelText);
      expect(value).toMatch(/^-?\d+(\.\d+)?(e[+-]?\d+)?$/);
      family.samples.push({ labels, value: Number(value) });
    }
    expect(family.samples.length, name).toBeGreaterThan(0);
    families.set(name, family);
  }
  return families;
}

test('the text says what stats() says, in base units', async () => {
  const backend = await open({ memtableBytes: 16_384 });
  backend.update((tx) => tx.unsafeCreateBucket('b'));
  for (let i = 0; i < 300; i++) backend.update((tx) => tx.unsafePut('b', `key${i}`, Buffer.alloc(400, i)));
  await backend.forceCommit();
  await backend.defrag();
  const stats = backend.stats();
  const families = parse(prometheusText(stats));
  const value = (name: string): number | undefined => families.get(`varve_${name}`)?.samples[0]?.value;
  expect(value('commits_total')).toBe(stats.commits);
  expect(value('user_written_bytes_total')).toBe(stats.userBytesWritten);
  expect(value('wal_written_bytes_total')).toBe(stats.walBytesWritten);
  expect(value('flush_written_bytes_total')).toBe(stats.flushBytesWritten);
  expect(value('compaction_written_bytes_total')).toBe(stats.compactionBytesWritten);
  expect(value('stalls_total')).toBe(stats.stalls.count);
  expect(value('stall_seconds_total')).toBe(stats.stalls.totalMs / 1000);
  expect(families.get('varve_commit_latency_seconds')?.samples).toEqual([
    { labels: { quantile: '0.5' }, value: stats.commitLatencyMs.p50 / 1000 },
    { labels: { quantile: '0.99' }, value: stats.commitLatencyMs.p99 / 1000 },
    { labels: { quantile: '1' }, value: stats.commitLatencyMs.max / 1000 },
  ]);
  expect(families.get('varve_level_bytes')?.samples).toEqual(
    stats.levels.map(({ bytes }, level) => ({ labels: { level: String(level) }, value: bytes })),
  );
  // Of the backend itself, too.
  expect([...parse(prometheusText(backend)).keys()]).toEqual([...families.keys()]);
});

test('names and types are those of the documentation, and follow the conventions', async () => {
  const families = parse(prometheusText(await open()));
  const documented = [...documentation.matchAll(/^\| `(varve_\w+)` \| (\w+) \|/gm)].map(([, name, type]) => [name, type]);
  expect([...families].map(([name, { type }]) => [name, type])).toEqual(documented);
  for (const [name, { type }] of families) expect(name.endsWith('_total'), name).toBe(type === 'counter');
});

test('labels are on every sample, and any text may be their value', async () => {
  const labels = { database: 'a "b" \\ c\nd, e=f} ü', _x1: '' };
  for (const [, { samples }] of parse(prometheusText(await open(), { labels }))) {
    for (const sample of samples) expect(sample.labels).toMatchObject(labels);
  }
});

describe('what Prometheus would not take is refused', () => {
  test('a label whose name is no name, is reserved, or is one of ours', async () => {
    const backend = await open();
    for (const name of ['', '1a', 'a-b', 'ä', '__name__', 'level', 'quantile', 'a b'])
      expectCode(() => prometheusText(backend, { labels: { [name]: 'x' } }), 'VARVE_INVALID_ARGUMENT');
  });

  test('a value that is no string, labels that are none, a source that is none, a closed backend', async () => {
    const backend = await open();
    const call = (...given: unknown[]): unknown => (prometheusText as (...any: unknown[]) => unknown)(...given);
    expectCode(() => call(backend, { labels: { a: 1 } }), 'VARVE_INVALID_ARGUMENT');
    expectCode(() => call(backend, { labels: 'a' }), 'VARVE_INVALID_ARGUMENT');
    expectCode(() => call(backend, null), 'VARVE_INVALID_ARGUMENT');
    expectCode(() => call(undefined), 'VARVE_INVALID_ARGUMENT');
    await backend.close();
    expectCode(() => prometheusText(backend), 'VARVE_CLOSED');
  });
});

test('the content type is that of the text format', () => {
  expect(prometheusContentType).toBe('text/plain; version=0.0.4; charset=utf-8');
});

describe('the snippets of the documentation', () => {
  const snippets = [...documentation.matchAll(/```js\n([\s\S]*?)```/g)].map(([, code = '']) => code);

  test('are two', () => expect(snippets).toHaveLength(2));

  test.each(snippets.map((code, index) => [index + 1, code] as const))(
    'number %d runs, and prints what its comment says',
    (_, code) => {
      const directory = mkdtempSync(join(tmpdir(), 'varve-snippet-'));
      try {
        const built = pathToFileURL(join(root, 'dist/index.js')).href;
        writeFileSync(join(directory, 'snippet.mjs'), code.replace("'varve'", `'${built}'`));
        const printed = execFileSync(process.execPath, ['snippet.mjs'], { cwd: directory, encoding: 'utf8' });
        expect(new Set(printed.trim().split('\n'))).toEqual(new Set([/console\.log\(.*\/\/ (.*)/.exec(code)?.[1]]));
      } finally {
        rmSync(directory, { recursive: true, force: true });
      }
    },
  );
});
