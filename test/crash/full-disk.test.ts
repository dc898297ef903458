/**
 * A disk that is full, of every size from nothing on. Where it says how much room it has, nothing is ever poisoned: commits are refused
 * before the log is touched, background work leaves the log its room, and all goes on without reopening once there is room. Where it
 * does not say so, a write of the log meets the end of the disk, and after reopening everything that was acknowledged is there.
 *
 * VARVE_DISK=<bytes> runs one size again.
 */
import { describe, expect, test } from 'vitest';
import type { Backend } from '../../src/api.js';
import { VarveError } from '../../src/errors.js';
import { turnsOfTheLoop } from '../support/eager-clock.js';
import { MemoryFileSystem } from '../support/memory-file-system.js';
import { SmallDisk } from '../support/small-disk.js';
import { byTier, report } from '../support/tier.js';
import { fingerprint, Journal, shownBy } from './journal.js';
import { lives, openDatabase } from './workload.js';

const { VARVE_DISK } = process.env;

/** What is more than the workload ever needs, and how far apart the sizes are that are tried. */
const sizeBytesMax = 1_400_000;
const sizeBytesStep = byTier(350_000, 8192);

interface Seen {
  readonly disk: SmallDisk;
  readonly journal: Journal;
  readonly codes: Set<string>;
}

function note(seen: Seen, error: unknown): void {
  if (!(error instanceof VarveError)) throw error;
  seen.codes.add(error.code);
}

/** Once there is room a database that is not poisoned works on as it is. */
async function expectWorks(backend: Backend, { journal }: Seen, where: string): Promise<void> {
  await journal.durable(() => backend.forceCommit());
  journal.update(backend, (section) => {
    section.create('there is room');
    section.puts('there is room', 0, 100, 300);
  });
  await journal.durable(() => backend.forceCommit());
  await journal.durable(() => backend.defrag());
  expect(fingerprint(shownBy(backend.readTx())), where).toBe(fingerprint(journal.visible));
}

/** Lives on the disk as long as it lasts, and a bit longer. True where it was opened and met its end. */
async function fill(sizeBytes: number, tellsRoom: boolean): Promise<boolean> {
  const where = `a disk of ${sizeBytes} bytes`;
  const memory = new MemoryFileSystem();
  const seen: Seen = { disk: new SmallDisk(memory, sizeBytes, tellsRoom), journal: new Journal(), codes: new Set() };
  const { disk, journal, codes } = seen;
  let backend: Backend | undefined;
  for (const steps of lives) {
    backend = await openDatabase(disk.files).catch((error: unknown) => {
      note(seen, error);
      return undefined;
    });
    if (backend === undefined) break;
    for (const { run } of steps) {
      await Promise.resolve(run(backend, journal)).catch((error: unknown) => note(seen, error));
      expect(fingerprint(shownBy(backend.readTx())), `${where}: what readers see`).toBe(fingerprint(journal.visible));
    }
    await turnsOfTheLoop(40);
    if (codes.size > 0) break;
    await journal.durable(() => backend?.close() ?? Promise.resolve()).catch((error: unknown) => note(seen, error));
    backend = undefined;
  }
  const allowed = tellsRoom ? ['VARVE_NO_SPACE'] : ['VARVE_NO_SPACE', 'VARVE_POISONED'];
  for (const code of codes) expect(allowed, `${where}: what calls were told`).toContain(code);
  const wasFull = codes.size > 0;
  disk.capacityBytes = Number.MAX_SAFE_INTEGER;
  if (backend !== undefined) {
    // Where the room is not told a write has met the end of the disk, and that poisons.
    if (tellsRoom) await expectWorks(backend, seen, `${where}, with room again`);
    await journal.durable(() => backend.close()).catch((error: unknown) => note(seen, error));
  }
  expect(memory.openHandles, `${where}: handles`).toBe(0);
  const reopened = await openDatabase(memory);
  const complaint = journal.complaintAbout(shownBy(reopened.readTx()));
  if (complaint !== undefined) expect.fail(`${where}: ${complaint}`);
  await expectWorks(reopened, { ...seen, journal: journal.reducedTo(shownBy(reopened.readTx())) }, `${where}, reopened`);
  await reopened.close();
  return wasFull;
}

describe('a disk that is full', () => {
  test.each([
    ['says how much room it has: nothing is poisoned, and all works on without reopening once there is room', true],
    ['does not say how much room it has: after reopening everything acknowledged is there', false],
  ])(
    'and %s',
    async (_what, tellsRoom) => {
      let full = 0;
      let runs = 0;
      const sizes = Array.from({ length: Math.ceil(sizeBytesMax / sizeBytesStep) }, (_, step) => step * sizeBytesStep);
      for (const sizeBytes of VARVE_DISK === undefined ? sizes : [Number(VARVE_DISK)]) {
        runs++;
        if (await fill(sizeBytes, tellsRoom)) full++;
      }
      report('full disk', `${runs} sizes, ${full} of them met the end, room ${tellsRoom ? 'told' : 'not told'}`);
      if (VARVE_DISK === undefined) expect(full).toBeGreaterThan(0);
    },
    byTier(60_000, 1_800_000),
  );
});
