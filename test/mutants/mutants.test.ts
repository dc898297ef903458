/**
 * The tests can see: every deliberate defect of the list makes a test fail. In the quick tier the list alone is looked at.
 *
 * VARVE_MUTANT=<part of a name, or several with commas> runs some of them, VARVE_MUTANT=new those that docs/mutants.md does not know;
 * UPDATE_MUTANTS=1 writes that page; VARVE_LANES=<n> runs so many side by side, two where it is absent.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { isDeep, report } from '../support/tier.js';
import { groups } from './list.js';
import type { Mutant } from './mutant.js';
import { type Catch, readCatches, writeCatches } from './table.js';
import { outsideOfTests, root, spoiltText, type TestRun, Tree } from './tree.js';

const { VARVE_MUTANT, VARVE_LANES, UPDATE_MUTANTS } = process.env;

/** Far above what any of the files takes. */
const limitMs = 240_000;
/** One that is about something which never ends is waited for less long. */
const livenessLimitMs = 45_000;
/** Trees in which mutants run side by side. */
const lanes = Number(VARVE_LANES ?? 2);

const all = groups.flatMap(({ mutants }) => mutants);

describe('the list', () => {
  test('names each defect once, in words that a file name could be made of', () => {
    expect(all.length).toBeGreaterThanOrEqual(70);
    expect(new Set(all.map(({ name }) => name)).size).toBe(all.length);
    for (const { name, breaks } of all) {
      expect(name).toMatch(/^[a-z0-9]+(-[a-z0-9]+)*$/);
      expect(breaks, name).toMatch(/^[a-zA-Z].*[^.]$/);
    }
  });

  test('replaces what occurs exactly once, by something else', () => {
    for (const mutant of all) {
      expect(mutant.replace, mutant.name).not.toBe(mutant.find);
      expect(() => spoiltText(mutant), `${mutant.name} in ${mutant.file}`).not.toThrow();
    }
  });

  test('expects test files that are there', () => {
    for (const { name, tests } of all) {
      expect(tests.length, name).toBeGreaterThan(0);
      for (const file of tests) expect(existsSync(join(root, `test/${file}.test.ts`)), `${name}: ${file}`).toBe(true);
    }
  });

  test('is that of docs/mutants.md, where every one was caught', () => {
    const catches = readCatches();
    expect([...catches.keys()]).toEqual(all.map(({ name }) => name));
    for (const [name, caught] of catches) expect(caught, `${name} was caught`).not.toBe('');
  });
});

/** Test files that were run without a defect, each once. One that fails even so proves nothing. */
class SoundFiles {
  private readonly runs = new Map<string, Promise<TestRun>>();

  /** In words what is wrong with a file, or undefined. */
  async complaintAbout(tree: Tree, file: string): Promise<string | undefined> {
    const run = this.runs.get(file) ?? tree.run([file], limitMs);
    this.runs.set(file, run);
    const { failed, output } = await run;
    return failed === undefined ? undefined : `${file} fails without a defect: ${failed}: ${output}`;
  }
}

/** Runs the expected test files one after the other until one fails as it should. */
async function hunt(tree: Tree, mutant: Mutant, sound: SoundFiles): Promise<Catch | string> {
  const reasons: string[] = [];
  for (const file of mutant.tests) {
    const complaint = await sound.complaintAbout(tree, file);
    if (complaint !== undefined) {
      reasons.push(complaint);
      continue;
    }
    const run = await tree.runSpoilt(mutant, [file], mutant.isLiveness === true ? livenessLimitMs : limitMs);
    if (run.failed === undefined) reasons.push(`${file} passed`);
    else if (run.tookTooLong && mutant.isLiveness !== true) reasons.push(`${file} took too long (${run.failed})`);
    else if (run.failed === outsideOfTests) reasons.push(`${file}: ${outsideOfTests}`);
    else return { file, test: run.failed };
  }
  return reasons.join('; ');
}

if (isDeep)
  test(
    'every defect of the list is caught by a test',
    async () => {
      const wanted = VARVE_MUTANT?.split(',');
      const known = readCatches();
      const isWanted = (name: string): boolean =>
        VARVE_MUTANT === 'new' ? (known.get(name) ?? '') === '' : (wanted?.some((part) => name.includes(part)) ?? true);
      const mutants = all.filter(({ name }) => isWanted(name));
      const trees = Array.from({ length: Math.min(lanes, mutants.length) }, () => new Tree());
      const catches = new Map<string, Catch>();
      const survivors: string[] = [];
      const sound = new SoundFiles();
      try {
        const waiting = [...mutants];
        await Promise.all(
          trees.map(async (tree) => {
            for (let mutant = waiting.shift(); mutant !== undefined; mutant = waiting.shift()) {
              const caught = await hunt(tree, mutant, sound);
              if (typeof caught === 'string') survivors.push(`${mutant.name}: ${caught}`);
              else catches.set(mutant.name, caught);
              if (UPDATE_MUTANTS !== undefined) writeCatches(groups, catches);
              report(
                'mutants',
                `${mutant.name}: ${typeof caught === 'string' ? `NOT CAUGHT, ${caught}` : `${caught.file}: ${caught.test}`}`,
              );
            }
          }),
        );
      } finally {
        for (const tree of trees) tree.remove();
      }
      report('mutants', `${catches.size} of ${mutants.length} caught`);
      expect(survivors).toEqual([]);
    },
    6 * 3_600_000,
  );
