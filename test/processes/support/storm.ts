/**
 * A child that does everything at random (fixtures/storm.mjs), and the judge of what it leaves when it is gone.
 *
 * **Invariants**
 * 1. The judge knows the content after each section by itself: seed and number give it, nothing is taken from the child but how much
 *    was acknowledged.
 * 2. A model goes forward only. The sections behind the one that was found are written again by the next child, the same ones.
 */
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { type Backend, type BackendConfig, openBackend, verify, VarveError } from 'varve';
import { expect } from 'vitest';
import { type Child, type ChildEnd, start } from '../../contract/support/child.js';
import { lastSection, type Operation, sectionOf } from '../fixtures/sections.mjs';

/** Where a fixture of these tests is, as `start` and `run` want it. */
export function processFixture(name: string): string {
  return `../../processes/fixtures/${name}`;
}

type Model = Map<string, Map<string, string>>;

/** The content after section `number`. */
interface History {
  readonly model: Model;
  number: number;
}

function applyOperation(model: Model, operation: Operation): void {
  const { bucket } = operation;
  if (operation.kind === 'drop') model.delete(bucket);
  else if (operation.kind === 'create') model.set(bucket, model.get(bucket) ?? new Map<string, string>());
  else if (operation.kind === 'delete') model.get(bucket)?.delete(operation.key);
  else model.get(bucket)?.set(operation.key, operation.value);
}

/** The content of a model, in the order of a backend. */
function sorted(model: Model): [string, [string, string][]][] {
  const byName = (a: [string, unknown], b: [string, unknown]): number => (a[0] < b[0] ? -1 : 1);
  return [...model].map(([name, pairs]): [string, [string, string][]] => [name, [...pairs].sort(byName)]).sort(byName);
}

function contentOf(backend: Backend): [string, [string, string][]][] {
  const reader = backend.readTx();
  return reader.unsafeBuckets().map((bucket) => {
    const pairs: [string, string][] = [];
    reader.unsafeForEach(bucket, (key, value) => pairs.push([key.toString(), value.toString()]));
    return [bucket.toString(), pairs];
  });
}

/** One database in the hands of one child after another. */
export class StormyDatabase {
  /** The last section that must be there. */
  acknowledged = 0;
  private readonly history: History = { model: new Map(), number: 0 };

  constructor(
    readonly path: string,
    readonly seed: number,
    readonly options: Partial<BackendConfig>,
  ) {}

  /** Starts a child that does `favourite` most often. */
  start(favourite: string): Child {
    const args = [this.path, String(this.seed), favourite, JSON.stringify(this.options)];
    return start(processFixture('storm.mjs'), args);
  }

  /** Takes what a child that is gone had said. */
  hear(end: ChildEnd): void {
    expect(
      end.lines.filter((line) => line.startsWith('unhandled')),
      this.told(end),
    ).toEqual([]);
    for (const line of end.lines) {
      const number = /^(?:acknowledged|opened) (\d+)$/.exec(line)?.[1];
      this.acknowledged = Math.max(this.acknowledged, Number(number ?? 0));
    }
  }

  /** How a child ended, for the message of a failure. */
  told(end: ChildEnd): string {
    return `seed ${this.seed}, ${JSON.stringify(this.options)}: ${end.signal ?? end.code} after ${end.lines.at(-1)}: ${end.errorText}`;
  }

  /** Opens the database, and checks that it holds exactly what some section left, none before what was acknowledged. Closes it and verifies every byte. */
  async judge(): Promise<void> {
    const backend = await openBackend({ path: this.path, ...this.options });
    const number = this.check(backend, this.acknowledged, this.history);
    this.acknowledged = number;
    await backend.close();
    if (number > 0) expect((await verify(this.path)).problems).toEqual([]);
  }

  /** What a restore that was cut short left: no database, or all that the snapshot had. */
  async judgeCopy(end: ChildEnd): Promise<'none' | 'whole'> {
    const path = `${this.path}.copy`;
    const least = Number(end.lines.findLast((line) => line.startsWith('restoring'))?.split(' ')[1] ?? 0);
    let found: 'none' | 'whole' = 'none';
    try {
      const copy = await openBackend({ path, createIfMissing: false });
      this.check(copy, least, { model: new Map(), number: 0 });
      await copy.close();
      found = 'whole';
    } catch (error) {
      // In an empty directory that was there, files may stand already, but never the one that makes them a database.
      if (!(error instanceof VarveError) || !['VARVE_NOT_FOUND', 'VARVE_CORRUPTION'].includes(error.code)) throw error;
      expect(existsSync(join(path, 'CURRENT'))).toBe(false);
    }
    const parent = dirname(path);
    for (const name of readdirSync(parent)) {
      if (name !== basename(this.path)) rmSync(join(parent, name), { recursive: true });
    }
    return found;
  }

  private check(backend: Backend, least: number, history: History): number {
    const number = lastSection(backend);
    expect(number, `seed ${this.seed}: section ${least} was acknowledged`).toBeGreaterThanOrEqual(least);
    while (history.number < number) {
      for (const operation of sectionOf(this.seed, ++history.number)) applyOperation(history.model, operation);
    }
    expect(contentOf(backend)).toEqual(sorted(history.model));
    return number;
  }
}

/** Resolves when the child has said a line that begins with `word` so many times, or ended. */
export async function hasSaid(child: Child, word: string, times = 1): Promise<void> {
  const count = (): number => child.lines.filter((line) => line.startsWith(word)).length;
  for (let seen = child.lines.length; count() < times; seen = child.lines.length) {
    await child.said(seen + 1);
    if (child.lines.length === seen) return;
  }
}
