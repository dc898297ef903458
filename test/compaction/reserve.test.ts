/** Jobs leave some of the disk free: flushes the reserve, compactions more, and both say so before they write anything beyond. */
import { beforeAll, expect, test } from 'vitest';
import type { Job } from '../../src/compaction/job.js';
import { JobExecutor } from '../../src/compaction/job-execution.js';
import { initializeChecksum } from '../../src/format/checksum.js';
import { Memtable } from '../../src/memtable/memtable.js';
import { internalKey, put } from '../memtable/memtable-fixture.js';
import { FailingFileSystem } from '../support/failing-file-system.js';
import { Workshop } from './compaction-fixture.js';

beforeAll(initializeChecksum);

function memtable(firstSequence: number): Memtable {
  const filled = new Memtable(firstSequence, 1 << 16);
  for (let i = 0; i < 50; i++) put(filled, internalKey(1, `key${i}`), 'v'.repeat(50));
  return filled;
}

test.each([
  ['flush', 1000, 5000],
  ['compaction', 5000, 1000],
] as const)('a %s leaves its reserve', (kind, flushReserveBytes, compactionReserveBytes) => {
  const workshop = new Workshop();
  const files = new FailingFileSystem(workshop.files);
  const runs = [workshop.flush(memtable(1000)), workshop.flush(memtable(1))];
  const job = (): Job => (kind === 'flush' ? workshop.flushJob(memtable(1)) : workshop.compactionJob([runs]));
  const reserveBytes = kind === 'flush' ? flushReserveBytes : compactionReserveBytes;
  const executor = new JobExecutor(files, { ...workshop.settings, flushReserveBytes, compactionReserveBytes });
  const names = workshop.files.list('/db');
  let roomBytes: number | undefined = reserveBytes;
  files.onRoomAsked = () => roomBytes;
  const written = files.counts.write;
  expect(executor.run(job()).next().value).toMatchObject({ ok: false, code: 'VARVE_NO_SPACE' });
  expect(files.counts.write).toBe(written);
  expect(workshop.files.list('/db')).toEqual(names);
  roomBytes = reserveBytes + 100_000;
  expect(executor.run(job()).next().value).toMatchObject({ ok: true });
  roomBytes = undefined;
  expect(executor.run(job()).next().value).toMatchObject({ ok: true });
});
