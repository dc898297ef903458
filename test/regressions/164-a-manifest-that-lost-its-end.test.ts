/**
 * A manifest that is cut at the border of a frame is a valid older one: opening and verifying blamed the logs that it names and that were
 * let go by the edits behind the cut, and opening had removed the tables of those edits by then.
 */
import { beforeAll, expect, test } from 'vitest';
import type { Backend } from '../../src/api.js';
import { chainLogs } from '../../src/engine/log-chain.js';
import { verifyDirectory } from '../../src/engine/verify.js';
import { initializeChecksum } from '../../src/format/checksum.js';
import { FrameCodec } from '../../src/format/frame-header.js';
import { readCurrent } from '../../src/version/current-file.js';
import { manifestFileName } from '../../src/format/file-names.js';
import { chainStart, decodeManifestHeader, manifestFrameMagic, manifestHeaderBytes } from '../../src/version/manifest-format.js';
import { readManifest, readManifestRecord } from '../../src/version/manifest-reader.js';
import { FileWindow } from '../../src/wal/file-window.js';
import { everything, numbered, putAll } from '../contract/support/content.js';
import { openDatabase, path } from '../crash/workload.js';
import { MemoryFileSystem, PowerLoss } from '../support/memory-file-system.js';

beforeAll(initializeChecksum);

const liveManifest = (files: MemoryFileSystem): string => manifestFileName(readCurrent(files, path) ?? 0);

/** Where the frames of the live manifest end. */
function bordersOf(files: MemoryFileSystem): number[] {
  const name = liveManifest(files);
  const handle = files.open(`${path}/${name}`, 'read');
  const window = new FileWindow(handle, name);
  window.load(0, manifestHeaderBytes);
  const { databaseId, manifestNumber } = decodeManifestHeader(window.bytes.subarray(0, manifestHeaderBytes), name);
  const codec = new FrameCodec(manifestFrameMagic, databaseId, manifestNumber);
  const borders: number[] = [];
  let chain = chainStart;
  for (let at = manifestHeaderBytes, ordinal = 0; at < window.sizeBytes; ordinal++) {
    const record = readManifestRecord(window, codec, at, ordinal, chain);
    if (typeof record === 'string') expect.fail(record);
    chain = record.payloadChecksum;
    at = record.endOffset;
    borders.push(at);
  }
  handle.close();
  return borders;
}

function cutAt(files: MemoryFileSystem, bytes: number): MemoryFileSystem {
  const cut = files.clone();
  const file = cut.open(`${path}/${liveManifest(cut)}`, 'modify');
  file.truncate(bytes);
  file.close();
  return cut;
}

function contentOf(backend: Backend): unknown {
  return backend.view((tx) => everything(tx));
}

/** A life with logs, flushes and compactions; `more` goes on before the image is taken. */
async function life(
  sections: number,
  more: (backend: Backend) => Promise<void>,
): Promise<{ files: MemoryFileSystem; whole: unknown }> {
  const files = new MemoryFileSystem();
  const backend = await openDatabase(files);
  for (let section = 0; section < sections; section++) {
    putAll(backend, 'b', numbered(40, 200, `${section % 3}`));
    await backend.forceCommit();
  }
  await more(backend);
  const whole = contentOf(backend);
  const image = files.clone();
  await backend.close();
  return { files: image, whole };
}

test.each([
  ['with two memtables, nothing compacted', 5, () => Promise.resolve()],
  ['with many flushes and compactions', 30, () => Promise.resolve()],
])('a database %s, its manifest cut at any frame: shows all, or the manifest is named', async (_what, sections, more) => {
  const { files, whole } = await life(sections, more);
  const borders = bordersOf(files);
  const outcomes: string[] = [];
  for (const border of borders) {
    const cut = cutAt(files, border);
    const before = cut.list(path).sort();
    const { problems } = await verifyDirectory(cut, path);
    const opened = await openDatabase(cut).catch((error: unknown) => error);
    if (opened instanceof Error) {
      outcomes.push('refused');
      expect(opened).toMatchObject({ code: 'VARVE_CORRUPTION' });
      expect(
        problems.map(({ file }) => file),
        `cut at ${border}`,
      ).toContain(liveManifest(files));
      expect(cut.list(path).sort(), 'an opening that is refused removes nothing').toEqual(before);
      continue;
    }
    outcomes.push('shows all');
    const backend = opened as Backend;
    expect(contentOf(backend), `cut at ${border}`).toEqual(whole);
    expect(problems, `cut at ${border}`).toEqual([]);
    await backend.close();
  }
  expect(outcomes).toContain('refused');
  expect(outcomes.at(-1)).toBe('shows all');
});

/** Commits a section, and loses power between the sync of its log and that of the manifest that tells of the log. */
async function commitUnnoted(files: MemoryFileSystem, key: string): Promise<MemoryFileSystem> {
  const backend = await openDatabase(files);
  putAll(backend, 'b', [[key, 'v']]);
  let isLogged = false;
  files.onOperation = ({ kind, path: changed }) => {
    if (kind === 'sync' && changed.endsWith('.log')) isLogged = true;
    if (kind === 'sync' && changed.includes('MANIFEST') && isLogged) throw new PowerLoss();
  };
  await expect(backend.forceCommit()).rejects.toThrow();
  await backend.close().catch(() => {});
  return files.crash(1, 'dropUnsynced');
}

// A recovered log that was removed later was missed by nobody.
test('the manifest knows of a log that recovery found, though a crash kept it from being told', async () => {
  const files = await commitUnnoted(new MemoryFileSystem(), 'k');
  await (await openDatabase(files)).close();
  const [log = 'none'] = files.list(path).filter((name) => name.endsWith('.log'));
  files.unlink(`${path}/${log}`);
  await expect(openDatabase(files)).rejects.toMatchObject({ code: 'VARVE_CORRUPTION', file: log });
});

test('crashes one after the other between a log and the manifest are not taken for a manifest that lost its end', async () => {
  let files = new MemoryFileSystem();
  for (const key of ['a', 'b', 'c']) files = await commitUnnoted(files, key);
  expect((await verifyDirectory(files, path)).problems).toEqual([]);
  const backend = await openDatabase(files);
  expect(contentOf(backend)).toEqual([['b', ['a', 'b', 'c'].map((key) => [key, 'v'])]]);
  await backend.close();
});

test('a log that is gone is named alone, and with the manifest where a table is there that the manifest does not name', async () => {
  const { files } = await life(6, () => Promise.resolve());
  const names = files.list(path);
  const [table = 'none'] = names.filter((name) => name.endsWith('.sst'));
  const log =
    names
      .filter((name) => name.endsWith('.log'))
      .sort()
      .at(-1) ?? 'none';
  files.unlink(`${path}/${log}`);
  const alone = await verifyDirectory(files, path);
  expect(alone.problems.map(({ file }) => file)).toEqual([log]);
  // The manifest knows the first log, but not its flush: as if that had written its table, and somebody had removed the log.
  const cut = cutAt(files, bordersOf(files)[1] ?? 0);
  const { problems } = await verifyDirectory(cut, path);
  expect(problems.map(({ file }) => file)).toEqual(['000001.log', liveManifest(files)]);
  expect(problems[1]?.message).toContain(table);
});

test('a log that was made after edits that are gone tells of them, whatever else is there', async () => {
  const { files } = await life(5, () => Promise.resolve());
  const file = liveManifest(files);
  const cut = cutAt(files, bordersOf(files)[0] ?? 0);
  for (const name of cut.list(path)) if (name.endsWith('.sst')) cut.unlink(`${path}/${name}`);
  const message = expect.stringMatching(/lost its end: it does not know 000001\.log, after which \d+\.log was made/);
  await expect(openDatabase(cut)).rejects.toMatchObject({ code: 'VARVE_CORRUPTION', file, message });
  expect((await verifyDirectory(cut, path)).problems).toEqual([{ file, message }]);

  const manifestNumber = readCurrent(files, path) ?? 0;
  const { nextFileNumber, ...state } = readManifest(files, path, manifestNumber);
  const logNumbers = files.list(path).flatMap((name) => (name.endsWith('.log') ? [Number.parseInt(name, 10)] : []));
  const newest = Math.max(...logNumbers);
  const damageOf = (aside: number): unknown[] => {
    const damage: unknown[] = [];
    chainLogs({ fileSystem: files, directory: path, ...state, manifestNumber, logNumbers, nextFileNumber: aside }, (error) =>
      damage.push(error),
    );
    return damage;
  };
  expect([damageOf(nextFileNumber), damageOf(newest + 1)]).toEqual([[], []]);
  expect(damageOf(newest)).toMatchObject([{ code: 'VARVE_CORRUPTION', file, message: expect.stringContaining('aside') }]);
});
