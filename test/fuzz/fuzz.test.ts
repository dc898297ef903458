/**
 * Every decoder, under right input that was spoilt: it gives a right value or the right error with the file, in bounded memory.
 *
 * The quick tier replays the corpus and tries some hundred inputs a decoder; the deep one goes on for VARVE_MINUTES, all decoders in turns.
 * A failure names the seed of its input: VARVE_INPUT=<seed> VARVE_TARGET=<decoder> tries that one again. VARVE_TARGET alone is about one
 * decoder; UPDATE_CORPUS=1 keeps what reaches something that the corpus does not.
 */
import { beforeAll, describe, expect, test } from 'vitest';
import { initializeChecksum } from '../../src/format/checksum.js';
import { byTier, deepSearch, isDeep, report, seedOf } from '../support/tier.js';
import { Chance } from './chance.js';
import { Gathering, readCorpus } from './corpus.js';
import { journalTargets } from './journal-decoders.js';
import { mutated } from './mutation.js';
import { smallTargets } from './small-decoders.js';
import { snapshotTarget } from './snapshot-decoder.js';
import { tableTargets } from './table-decoders.js';
import { judge, type Target } from './target.js';

const { VARVE_TARGET, VARVE_INPUT, UPDATE_CORPUS } = process.env;

const names = [...smallTargets, ...tableTargets, ...journalTargets].map(({ name }) => name);
const targets = new Map<string, Target>(
  [...smallTargets, ...tableTargets, ...journalTargets].map((target) => [target.name, target]),
);

/** Inputs of one turn of a decoder in the deep tier. */
const inputsPerTurn = 200;

beforeAll(async () => {
  await initializeChecksum();
  targets.set('snapshot', await snapshotTarget());
});

interface Input {
  readonly bytes: Uint8Array;
  /** What it was made of, where no checksum was made right again. */
  readonly original: Uint8Array | undefined;
}

/** The input of a seed. */
function inputOf(target: Target, seed: number): Input {
  const chance = new Chance(seed);
  const sample = target.sample(chance);
  const other = chance.oneIn(4) ? target.sample(chance) : sample;
  const bytes = mutated(sample, target.fields(sample), other, chance);
  if (target.seal === undefined || chance.oneIn(3)) return { bytes, original: sample === other ? sample : undefined };
  target.seal(bytes);
  return { bytes, original: undefined };
}

async function tryInput(target: Target, seed: number): Promise<{ outcome: string; bytes: Uint8Array }> {
  const { bytes, original } = inputOf(target, seed);
  try {
    return { outcome: await judge(target, bytes, original), bytes };
  } catch (error) {
    const how = `VARVE_TARGET=${target.name} VARVE_INPUT=${seed} tries it again`;
    const shown = Buffer.from(bytes.subarray(0, 1500)).toString('hex');
    throw new Error(`${target.name}: ${String(error)} (${how}; its ${bytes.length} bytes begin with ${shown})`, { cause: error });
  }
}

/** The `index`-th input of a search that begins with `seed`. */
const seedAt = (seed: number, index: number): number => (seed + Math.imul(index, 0x9e3779b1)) >>> 0;

const targetNamed = (name: string): Target => {
  const target = targets.get(name);
  if (target === undefined) throw new Error(`there is no decoder ${name}`);
  return target;
};

describe.each([...names, 'snapshot'])('the decoder %s', (name) => {
  test('takes right input', async () => {
    for (let seed = 1; seed <= 5; seed++) {
      const sample = targetNamed(name).sample(new Chance(seed));
      expect(await judge(targetNamed(name), sample, sample)).toBe('a value');
    }
  });

  test('does with the inputs of the corpus what it did', async () => {
    for (const { outcome, bytes } of readCorpus(name))
      expect(await judge(targetNamed(name), bytes, undefined), outcome).toBe(outcome);
  });

  test('gives a right value or the right error for input that was spoilt', async () => {
    const target = targetNamed(name);
    const count = name === 'snapshot' ? byTier(25, 100) : byTier(200, 1000);
    for (let index = 0; index < count; index++) await tryInput(target, seedAt(1, index));
  });
});

if (isDeep)
  test(
    'all decoders in turns',
    async () => {
      if (VARVE_INPUT !== undefined) {
        const { outcome } = await tryInput(targetNamed(VARVE_TARGET ?? ''), Number(VARVE_INPUT));
        report('fuzz', outcome);
        return;
      }
      const seed = seedOf('fuzz');
      const chosen = [...names, 'snapshot'].filter((name) => VARVE_TARGET === undefined || name === VARVE_TARGET);
      const counts = new Map(
        chosen.map((name) => [name, { inputs: 0, outcomes: new Map<string, number>(), kept: new Gathering(name) }]),
      );
      const goesOn = deepSearch();
      const began = performance.now();
      for (let turn = 0; goesOn(); turn++) {
        for (const [name, count] of counts) {
          const inputs = name === 'snapshot' ? inputsPerTurn / 20 : inputsPerTurn;
          for (let i = 0; i < inputs && goesOn(); i++) {
            const { outcome, bytes } = await tryInput(targetNamed(name), seedAt(seed, turn * inputsPerTurn + i));
            count.inputs++;
            count.outcomes.set(outcome, (count.outcomes.get(outcome) ?? 0) + 1);
            count.kept.add(outcome, bytes);
          }
        }
      }
      const minutes = (performance.now() - began) / 60_000;
      let sum = 0;
      for (const [name, { inputs, outcomes, kept }] of counts) {
        sum += inputs;
        const values = outcomes.get('a value') ?? 0;
        report('fuzz', `${name}: ${inputs} inputs, ${values} of them with a value, ${outcomes.size} different outcomes`);
        if (UPDATE_CORPUS !== undefined) kept.write();
      }
      report('fuzz', `${sum} inputs in ${minutes.toFixed(1)} minutes, ${Math.round(sum / minutes)} a minute`);
    },
    6 * 3_600_000,
  );
