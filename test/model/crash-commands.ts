/**
 * Commands that lose power: at rest or in the middle of commits, flushes, compactions and a defrag, and once more in the recovery.
 *
 * What is there afterwards must be one of `model.history`; the history is cut down to that state, and the program goes on.
 */
import fc from 'fast-check';
import type { BackendConfig } from 'varve';
import { expect } from 'vitest';
import { turnsOfTheLoop } from '../support/eager-clock.js';
import { entriesOf, hashOf, type State } from './state.js';
import { keys } from './universe.js';
import { type Command, expectState, type Model, type System, visited } from './world.js';

/** What goes on while the power goes. */
type Activity = 'rest' | 'commit' | 'turns' | 'defrag' | 'close';

/** Whether a backend shows this state: buckets and walks. */
function shows(system: System, state: State): boolean {
  const reader = system.backend.readTx();
  const names = reader.unsafeBuckets().map((name) => name.toString('latin1'));
  return (
    names.length === state.size &&
    names.every((name) => {
      const found = state.has(name) ? visited(reader, name) : [];
      const expected = entriesOf(state, name);
      return (
        state.has(name) &&
        found.length === expected.length &&
        found.every(([key, value], at) => key === expected[at]?.[0] && value.equals(expected[at][1]))
      );
    })
  );
}

/** Does something until the power goes. */
async function act(activity: Activity, model: Model, system: System): Promise<void> {
  const { backend } = system;
  const state = model.visible;
  if (activity === 'commit') {
    await backend.forceCommit();
    model.committed(state);
  } else if (activity === 'defrag') {
    await backend.defrag();
    model.committed(state);
  } else if (activity === 'close') {
    await backend.close();
    model.committed(state);
  } else if (activity === 'turns') {
    backend.forceCommit().catch(() => {});
    await turnsOfTheLoop(10);
  }
}

/** Loses power, once or twice, and opens again. */
class CrashCommand implements Command {
  constructor(
    private readonly activity: Activity,
    private readonly lossAt: number,
    private readonly seed: number,
    /** The operation of the recovery at which power is lost again; undefined: it is not. */
    private readonly againAt: number | undefined,
    private readonly options: Partial<BackendConfig>,
  ) {}

  check(): boolean {
    return true;
  }

  async run(model: Model, system: System): Promise<void> {
    const { disk } = system;
    if (disk.losePower === undefined) return;
    const lost = system.backend;
    const { commits } = system;
    await disk.losePower(this.lossAt, this.seed, () => act(this.activity, model, system));
    // What was open dies with the power: it must end, and whatever it says then is nobody's concern.
    await lost.close().catch(() => {});
    await Promise.allSettled(commits);
    system.forget();
    if (this.againAt !== undefined) {
      await disk.losePower(this.againAt, this.seed + 1, () => system.openAgain(this.options));
      if (system.backend !== lost) await system.backend.close().catch(() => {});
    }
    await system.openAgain(this.options);
    model.crashed((state) => shows(system, state));
    expectState(system.backend.readTx(), model.visible, keys, 'after a crash');
    expect(await system.backend.hash()).toBe(hashOf(model.visible));
  }

  toString(): string {
    const again = this.againAt === undefined ? '' : `, again at ${this.againAt} of the recovery`;
    return `crash in ${this.activity} at ${this.lossAt}, seed ${this.seed}${again}, ${JSON.stringify(this.options)}`;
  }
}

/** Every way to lose power. */
export function crashCommands(options: fc.Arbitrary<Partial<BackendConfig>>): fc.Arbitrary<Command> {
  return fc
    .tuple(
      fc.constantFrom<Activity[]>('rest', 'commit', 'turns', 'turns', 'defrag', 'close'),
      fc.nat({ max: 40 }),
      fc.nat({ max: 0xffff_ffff }),
      fc.option(fc.nat({ max: 30 }), { nil: undefined, freq: 2 }),
      options,
    )
    .map((all) => new CrashCommand(...all));
}
