/**
 * The model test over a file system in memory that loses power: the same commands and a crash, memtables of 16 KiB, blocks and tables
 * so small that a few entries are many of them.
 *
 * A failure prints its seed, its path and the replay path of its commands. To run that one case again:
 *
 *     VARVE_SEED=<seed> VARVE_PATH=<path> VARVE_REPLAY=<replayPath> npx vitest run test/model/crash-model.test.ts -t '<name of the test>'
 *
 * VARVE_SEED alone begins the same sequence of programs; VARVE_RUNS sets how many programs each test runs.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import { MemoryDisk } from '../support/memory-disk.js';
import { byTier } from '../support/tier.js';
import { crashCommands } from './crash-commands.js';
import { lifeCommands } from './life-commands.js';
import { pinCommands } from './pin-commands.js';
import { readCommands } from './read-commands.js';
import { hashOf } from './state.js';
import { keys, options } from './universe.js';
import { expectState, Model, System } from './world.js';
import { writeCommands } from './write-commands.js';

/** What the commands know as the library is its source, with jobs in this thread: the build would bring error classes of its own. */
vi.mock('varve', async () => {
  const { openOn } = await import('../support/memory-database.js');
  const { nodeFileSystem } = await import('../../src/env/node-file-system.js');
  const library = await import('../../src/index.js');
  const openBackend: typeof library.openBackend = (config) => openOn(nodeFileSystem, config, {});
  return { ...library, openBackend };
});

const { VARVE_SEED, VARVE_PATH, VARVE_REPLAY, VARVE_RUNS } = process.env;

const commandsMin = 100;
const commandsMax = 400;
const searchLimitMs = byTier(120_000, 1_200_000);

/** A program that takes longer waits for something that never comes. */
const programLimitMs = 20_000;

const presets = (['balanced', 'read', 'write', 'space'] as const).flatMap((compaction) =>
  (['none', 'zstd'] as const).map((compression) => ({ compaction, compression })),
);

const sizes = fc.record({
  blockBytes: fc.constantFrom(256, 512, 1024),
  targetTableBytes: fc.constantFrom(2048, 4096, 16_384),
  mergePartBytesMin: fc.constantFrom(512, 2048, 1 << 20),
});

describe('every program of commands and crashes gives what plain sorted maps give', () => {
  test.each(presets)(
    'compaction $compaction, compression $compression, with losses of power',
    async (preset) => {
      const opening = options(preset).map((each) => ({ ...each, memtableBytes: 16_384 }));
      const commands = fc.noBias(
        fc.commands(
          [
            fc.oneof(
              { weight: 10, arbitrary: writeCommands },
              { weight: 5, arbitrary: readCommands },
              { weight: 3, arbitrary: pinCommands },
              { weight: 3, arbitrary: lifeCommands(opening) },
              { weight: 2, arbitrary: crashCommands(opening) },
            ),
          ],
          { maxCommands: commandsMax, size: 'max', ...(VARVE_REPLAY === undefined ? {} : { replayPath: VARVE_REPLAY }) },
        ),
      );
      let shrinking = VARVE_PATH !== undefined;
      const property = fc.asyncProperty(opening, sizes, commands, async (first, stored, program) => {
        fc.pre(shrinking || [...program].length >= commandsMin);
        const directory = mkdtempSync(join(tmpdir(), 'varve-crash-model-'));
        const model = new Model();
        const disk = new MemoryDisk(stored);
        const system = await System.open(directory, { ...first, ...preset }, disk);
        try {
          await fc.asyncModelRun(() => ({ model, real: system }), program);
          await system.reopen(preset);
          model.closed();
          expectState(system.backend.readTx(), model.visible, keys, 'at the end');
          expect(await system.backend.hash()).toBe(hashOf(model.visible));
          await system.close();
          disk.expectNoHandles();
        } catch (error) {
          shrinking = true;
          throw error;
        } finally {
          await system.close().catch(() => {});
          rmSync(directory, { recursive: true, force: true });
        }
      });
      await fc.assert(property, {
        numRuns: VARVE_RUNS === undefined ? byTier(1, 40) : Number(VARVE_RUNS),
        timeout: programLimitMs,
        interruptAfterTimeLimit: searchLimitMs,
        markInterruptAsFailure: true,
        ...(VARVE_SEED === undefined ? {} : { seed: Number(VARVE_SEED) }),
        ...(VARVE_PATH === undefined ? {} : { path: VARVE_PATH, endOnFailure: true }),
      });
    },
    searchLimitMs + 60_000,
  );
});
