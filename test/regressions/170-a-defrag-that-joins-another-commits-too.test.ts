import { expect, test } from 'vitest';
import { numbered, pairsOf, putAll } from '../contract/support/content.js';
import { openDatabase } from '../crash/workload.js';
import { turnsOfTheLoop } from '../support/eager-clock.js';
import { MemoryFileSystem } from '../support/memory-file-system.js';

// It resolved with the one that it joined, whose commits had been before: what its caller had unlocked was lost with the power.
test('what was unlocked before a defrag that joins another one is durable when it resolves', async () => {
  for (let turns = 0; turns < 30; turns++) {
    const files = new MemoryFileSystem();
    const backend = await openDatabase(files);
    putAll(backend, 'b', numbered(200, 100));
    const first = backend.defrag();
    await turnsOfTheLoop(turns);
    putAll(backend, 'b', [['zz', 'more']]);
    await backend.defrag();
    const image = files.crash(1, 'dropUnsynced');
    await first;
    await backend.close();
    const reopened = await openDatabase(image);
    expect(pairsOf(reopened.readTx(), 'b'), `${turns} turns after the first`).toHaveLength(201);
    await reopened.close();
  }
});
