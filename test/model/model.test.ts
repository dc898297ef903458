/**
 * The model test: long programs of commands against the library and against plain sorted maps, which must agree at every step.
 *
 * A failure prints its seed, its path and the replay path of its commands. To run that one case again:
 *
 *     VARVE_SEED=<seed> VARVE_PATH=<path> VARVE_REPLAY=<replayPath> npx vitest run test/model -t '<name of the test>'
 *
 * VARVE_SEED alone begins the same sequence of programs; VARVE_RUNS sets how many programs each test runs.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { lifeCommands } from './life-commands.js';
import { pinCommands } from './pin-commands.js';
import { readCommands } from './read-commands.js';
import { hashOf } from './state.js';
import { keys, options } from './universe.js';
import { byTier } from '../support/tier.js';
import { Model, System, expectState } from './world.js';
import { writeCommands } from './write-commands.js';

const { VARVE_SEED, VARVE_PATH, VARVE_REPLAY, VARVE_RUNS } = process.env;

/** A run has this many commands, with every number as likely as any other; only what shrinking tries may have fewer. */
const commandsMin = 200;
const commandsMax = 800;

/** Shrinking ends after this long, with what it has found by then. */
const searchLimitMs = byTier(120_000, 1_200_000);

const presets = (['balanced', 'read', 'write', 'space'] as const).flatMap((compaction) =>
  (['none', 'zstd'] as const).map((compression) => ({ compaction, compression })),
);

describe('every program of commands gives what plain sorted maps give', () => {
  test.each(presets)(
    'compaction $compaction, compression $compression',
    async (preset) => {
      const opening = options(preset);
      const commands = fc.noBias(
        fc.commands(
          [
            fc.oneof(
              { weight: 10, arbitrary: writeCommands },
              { weight: 8, arbitrary: readCommands },
              { weight: 4, arbitrary: pinCommands },
              { weight: 3, arbitrary: lifeCommands(opening) },
            ),
          ],
          { maxCommands: commandsMax, size: 'max', ...(VARVE_REPLAY === undefined ? {} : { replayPath: VARVE_REPLAY }) },
        ),
      );
      let shrinking = VARVE_PATH !== undefined;
      const property = fc.asyncProperty(opening, commands, async (first, program) => {
        fc.pre(shrinking || [...program].length >= commandsMin);
        const directory = mkdtempSync(join(tmpdir(), 'varve-model-'));
        const model = new Model();
        const system = await System.open(directory, { ...first, ...preset });
        try {
          await fc.asyncModelRun(() => ({ model, real: system }), program);
          await system.reopen(preset);
          model.closed();
          expectState(system.backend.readTx(), model.visible, keys, 'at the end');
          expect(await system.backend.hash()).toBe(hashOf(model.visible));
        } catch (error) {
          shrinking = true;
          throw error;
        } finally {
          await system.close();
          rmSync(directory, { recursive: true, force: true });
        }
      });
      await fc.assert(property, {
        numRuns: VARVE_RUNS === undefined ? byTier(1, 40) : Number(VARVE_RUNS),
        interruptAfterTimeLimit: searchLimitMs,
        // A program that hangs is a failure, not the end of the search.
        markInterruptAsFailure: true,
        ...(VARVE_SEED === undefined ? {} : { seed: Number(VARVE_SEED) }),
        ...(VARVE_PATH === undefined ? {} : { path: VARVE_PATH, endOnFailure: true }),
      });
    },
    searchLimitMs + 60_000,
  );
});
