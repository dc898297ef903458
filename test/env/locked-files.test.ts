/** What is open changes no name once its LOCK is not in its place any more: neither the owner nor a job. */
import { mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, expect, onTestFinished, test } from 'vitest';
import { JobExecutor } from '../../src/compaction/job-execution.js';
import { identifyLock, type LockIdentity, whileLocked } from '../../src/env/locked-files.js';
import { nodeFileSystem } from '../../src/env/node-file-system.js';
import { initializeChecksum } from '../../src/format/checksum.js';
import { Memtable } from '../../src/memtable/memtable.js';
import { everybody, Workshop } from '../compaction/compaction-fixture.js';
import { internalKey, put } from '../memtable/memtable-fixture.js';

beforeAll(initializeChecksum);

const gone = { code: 'VARVE_IO', file: expect.stringMatching(/LOCK$/) as string };

/** A directory whose LOCK was identified and then replaced. */
function replaced(): { directory: string; lock: LockIdentity } {
  const directory = mkdtempSync(join(tmpdir(), 'varve-locked-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  const path = join(directory, 'LOCK');
  const file = nodeFileSystem.open(path, 'create');
  onTestFinished(() => file.close());
  const lock = identifyLock(file);
  renameSync(path, `${path}-moved`);
  writeFileSync(path, '');
  writeFileSync(join(directory, 'there'), '');
  return { directory, lock };
}

test('no call changes a name, and reads are let pass', async () => {
  const { directory, lock } = replaced();
  const files = whileLocked(nodeFileSystem, lock);
  const [there, fresh] = [join(directory, 'there'), join(directory, 'fresh')];
  const before = readdirSync(directory);
  const changes = [
    () => files.open(fresh, 'create'),
    () => files.open(there, 'modify'),
    () => files.unlink(there),
    () => files.rename(there, fresh),
    () => files.makeDirectory(fresh),
    () => files.removeDirectory(there),
    () => files.syncDirectory(directory),
  ];
  for (const change of changes) expect(change, String(change)).toThrow(expect.objectContaining(gone));
  await expect(files.syncDirectoryAsync(directory)).rejects.toMatchObject(gone);
  expect(readdirSync(directory)).toEqual(before);
  files.open(there, 'read').close();
  expect(files.list(directory)).toEqual(before);
});

test('a job makes no table', () => {
  const { directory, lock } = replaced();
  const { settings } = new Workshop();
  const memtable = new Memtable(1, 1 << 14);
  put(memtable, internalKey(1, 'key'), 'value');
  const job = { id: 1, retention: everybody, fileNumbers: { first: 1, end: 9 }, filterBitsPerKey: 10 };
  const executor = new JobExecutor(nodeFileSystem, { ...settings, directory, lock });
  const result = executor.run({ ...job, kind: 'flush', records: memtable.freeze() }).next().value;
  expect(result).toMatchObject({ ok: false, ...gone });
  expect(readdirSync(directory).sort()).toEqual(['LOCK', 'LOCK-moved', 'there']);
});
