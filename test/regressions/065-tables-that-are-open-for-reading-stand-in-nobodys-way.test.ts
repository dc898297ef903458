/**
 * Up to 256 tables stayed open for reading, until the process had no descriptor left for a new log, for the tables of a flush, or for
 * another table: commits and reads failed as long as the limit stood, although closing one file would have been enough.
 */
import { expect, test } from 'vitest';
import { fingerprint, Journal, shownBy } from '../crash/journal.js';
import { openDatabase } from '../crash/workload.js';
import { turnsOfTheLoop } from '../support/eager-clock.js';
import { FailingFileSystem } from '../support/failing-file-system.js';
import { MemoryFileSystem, systemFailure } from '../support/memory-file-system.js';

test('a process that may open few files reads many tables, commits to new logs, and flushes', async () => {
  const memory = new MemoryFileSystem();
  const files = new FailingFileSystem(memory);
  const journal = new Journal();
  const backend = await openDatabase(files);
  journal.update(backend, (section) => section.create('a'));
  const write = async (): Promise<void> => {
    for (let round = 0; round < 6; round++) {
      journal.update(backend, (section) => section.puts('a', round * 100, 100, 300));
      await journal.durable(() => backend.forceCommit());
      await turnsOfTheLoop(12);
    }
  };
  await write();
  let refusals = 0;
  const limit = memory.openHandles + 4;
  files.onCall = ({ kind, path }) => {
    if (!['openToRead', 'openToModify', 'create'].includes(kind) || memory.openHandles < limit) return;
    refusals++;
    throw systemFailure('EMFILE', path);
  };
  for (let round = 0; round < 3; round++) {
    expect(fingerprint(shownBy(backend.readTx()))).toBe(fingerprint(journal.visible));
    await write();
  }
  expect(refusals).toBeGreaterThan(0);
  expect(backend.stats().flushes).toBeGreaterThan(8);
  await journal.durable(() => backend.close());
});

test('a flush gets the descriptors of tables that are open for reading, where nobody else asks for them', async () => {
  const memory = new MemoryFileSystem();
  const files = new FailingFileSystem(memory);
  const journal = new Journal();
  const backend = await openDatabase(files);
  const write = async (): Promise<void> => {
    journal.update(backend, (section) => {
      section.create('a');
      section.puts('a', 0, 60, 300);
    });
    await journal.durable(() => backend.forceCommit());
    await turnsOfTheLoop(100);
  };
  for (let round = 0; round < 3; round++) await write();
  const openBefore = memory.openHandles;
  expect(fingerprint(shownBy(backend.readTx()))).toBe(fingerprint(journal.visible));
  expect(memory.openHandles).toBeGreaterThan(openBefore + 1);
  const limit = memory.openHandles;
  let refusals = 0;
  files.onCall = ({ kind, path }) => {
    if (kind !== 'create' || !path.endsWith('.sst') || memory.openHandles < limit) return;
    refusals++;
    throw systemFailure('EMFILE', path);
  };
  const { flushes } = backend.stats();
  await write();
  expect(refusals).toBeGreaterThan(0);
  expect(backend.stats().flushes).toBeGreaterThan(flushes);
  files.onCall = undefined;
  await journal.durable(() => backend.close());
});
