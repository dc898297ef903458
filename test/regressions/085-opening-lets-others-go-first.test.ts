/** Replaying a log, however long, was one stretch in which nothing else of the process ran. */
import { expect, test } from 'vitest';
import { EngineBackend } from '../../src/backend/backend.js';
import { openEngine } from '../../src/engine/open.js';
import { resolveOptions } from '../../src/options.js';
import { EagerClock } from '../support/eager-clock.js';
import { inlineEnvironment, openOn, smallSizes } from '../support/memory-database.js';
import { MemoryFileSystem } from '../support/memory-file-system.js';

/** A clock on which every look is a long time after the one before. */
class HastyClock extends EagerClock {
  private looks = 0;

  override now(): number {
    return 10 * ++this.looks;
  }
}

test.each(['one group', 'groups of one record'])('%s: the event loop goes on while the log is replayed', async (shape) => {
  const disk = new MemoryFileSystem();
  const writer = await openOn(disk, { path: '/db' }, smallSizes);
  writer.update((tx) => tx.unsafeCreateBucket('b'));
  if (shape === 'one group') {
    writer.update((tx) => {
      for (let i = 0; i < 6000; i++) tx.unsafePut('b', `key ${i}`, '');
    });
  } else {
    for (let i = 0; i < 3000; i++) {
      writer.update((tx) => tx.unsafePut('b', `key ${i}`, ''));
      await writer.forceCommit();
    }
  }
  await writer.close();
  let turns = 0;
  let isOpen = false;
  const turn = (): void => {
    turns++;
    if (!isOpen) setImmediate(turn);
  };
  setImmediate(turn);
  const options = resolveOptions({ path: '/db', readOnly: true });
  const backend = new EngineBackend(
    await openEngine(options, { ...inlineEnvironment(disk, smallSizes), clock: new HastyClock() }),
  );
  isOpen = true;
  expect(turns).toBeGreaterThan(5);
  expect(backend.readTx().unsafeGet('b', 'key 2999')).toBeDefined();
  await backend.close();
});
