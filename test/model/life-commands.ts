/**
 * Commands about the life of the database: commits, hashes, defrag, closing and opening again.
 * A loss of power is in crash-commands.ts.
 */
import fc from 'fast-check';
import type { BackendConfig } from 'varve';
import { expect } from 'vitest';
import { hashOf } from './state.js';
import { keys } from './universe.js';
import { type Command, expectState, type Model, type System } from './world.js';

/** Commits, and waits for it or not. */
class CommitCommand implements Command {
  constructor(
    private readonly how: 'commit' | 'forceCommit',
    private readonly awaited: boolean,
  ) {}

  check(): boolean {
    return true;
  }

  async run(model: Model, system: System): Promise<void> {
    const state = model.visible;
    const commit = this.how === 'commit' ? system.backend.batchTx().commit() : system.backend.forceCommit();
    if (!this.awaited) {
      // Closing waits for it, and tells where it failed; until then a failure is not one that nobody handles.
      commit.catch(() => {});
      system.commits.push(commit);
      return;
    }
    await commit;
    model.committed(state);
  }

  toString(): string {
    return `${this.awaited ? 'await ' : ''}${this.how}`;
  }
}

/** The hash is that of a state which may be committed; which one, the model learns. */
class HashCommand implements Command {
  check(): boolean {
    return true;
  }

  async run(model: Model, system: System): Promise<void> {
    model.learnt(await system.backend.hash());
  }

  toString(): string {
    return 'hash';
  }
}

/** Commits and hashes: nothing is left to learn. */
class CommitAndHashCommand implements Command {
  check(): boolean {
    return true;
  }

  async run(model: Model, system: System): Promise<void> {
    await system.backend.forceCommit();
    model.committed(model.visible);
    expect(await system.backend.hash()).toBe(hashOf(model.visible));
  }

  toString(): string {
    return 'commit and hash';
  }
}

/** Defragments, and looks at sizes. */
class DefragCommand implements Command {
  check(): boolean {
    return true;
  }

  async run(model: Model, system: System): Promise<void> {
    const state = model.visible;
    await system.backend.defrag();
    model.committed(state);
    expect(system.backend.sizeInUse()).toBeLessThanOrEqual(system.backend.size());
  }

  toString(): string {
    return 'defrag';
  }
}

/** Closes and opens with other options: what was unlocked is there, an open section is not. */
class ReopenCommand implements Command {
  constructor(private readonly options: Partial<BackendConfig>) {}

  check(): boolean {
    return true;
  }

  async run(model: Model, system: System): Promise<void> {
    await system.reopen(this.options);
    model.closed();
    expectState(system.backend.readTx(), model.visible, keys, 'after reopening');
    expect(await system.backend.hash()).toBe(hashOf(model.visible));
  }

  toString(): string {
    return `reopen ${JSON.stringify(this.options)}`;
  }
}

/** Every command about the life of the database. */
export function lifeCommands(options: fc.Arbitrary<Partial<BackendConfig>>): fc.Arbitrary<Command> {
  return fc.oneof(
    {
      weight: 6,
      arbitrary: fc
        .tuple(fc.constantFrom('commit' as const, 'forceCommit' as const), fc.boolean())
        .map((all) => new CommitCommand(...all)),
    },
    { weight: 2, arbitrary: fc.constant(new HashCommand()) },
    { weight: 2, arbitrary: fc.constant(new CommitAndHashCommand()) },
    { weight: 1, arbitrary: fc.constant(new DefragCommand()) },
    { weight: 1, arbitrary: options.map((each) => new ReopenCommand(each)) },
  );
}
