/**
 * Commands that write: whole sections in one go, sections that stay open over other commands, and many keys at once.
 */
import fc from 'fast-check';
import type { BatchTx } from 'varve';
import { expect } from 'vitest';
import { expectCode } from '../contract/support/harness.js';
import { copyOf, type State } from './state.js';
import { bucketNames, index, keys, pick, valueLength, valueOf } from './universe.js';
import { type Command, expectState, type Model, sectionOf, type System } from './world.js';

/** One write, with indices that are resolved when it runs. */
export interface Write {
  kind: 'create' | 'drop' | 'put' | 'seqPut' | 'delete';
  bucket: number;
  key: number;
  length: number;
}

/** Any write, puts most often. */
export const write: fc.Arbitrary<Write> = fc.record({
  kind: fc.oneof(
    { weight: 8, arbitrary: fc.constantFrom('put' as const, 'seqPut' as const) },
    { weight: 4, arbitrary: fc.constant('delete' as const) },
    { weight: 2, arbitrary: fc.constant('create' as const) },
    { weight: 1, arbitrary: fc.constant('drop' as const) },
  ),
  bucket: index,
  key: index,
  length: valueLength,
});

function described({ kind, bucket, key, length }: Write): string {
  return `${kind} ${JSON.stringify([pick(bucketNames, bucket), pick(keys, key).slice(-12), length])}`;
}

/** Does one write to both sides; a missing bucket is refused by the one and changes nothing in the other. */
function apply(model: Model, state: State, tx: BatchTx, { kind, bucket, key, length }: Write): void {
  const [name, character] = [pick(bucketNames, bucket), pick(keys, key)];
  const [nameBytes, keyBytes] = [Buffer.from(name, 'latin1'), Buffer.from(character, 'latin1')];
  const value = valueOf(++model.valueCount, length);
  const calls = {
    create: () => tx.unsafeCreateBucket(nameBytes),
    drop: () => tx.unsafeDeleteBucket(nameBytes),
    put: () => tx.unsafePut(nameBytes, keyBytes, value),
    seqPut: () => tx.unsafeSeqPut(nameBytes, keyBytes, value),
    delete: () => tx.unsafeDelete(nameBytes, keyBytes),
  };
  const entries = state.get(name);
  if (entries === undefined && kind !== 'create') {
    expectCode(calls[kind], 'VARVE_BUCKET_NOT_FOUND');
    return;
  }
  calls[kind]();
  if (kind === 'create') state.set(name, entries ?? new Map());
  else if (kind === 'drop') state.delete(name);
  else if (kind === 'delete') entries?.delete(character);
  else entries?.set(character, value);
}

/** A whole section: unlocked, rolled back, or thrown out of. */
class UpdateCommand implements Command {
  constructor(
    private readonly writes: readonly Write[],
    private readonly outcome: 'unlock' | 'rollback' | 'throw',
  ) {}

  check(model: Readonly<Model>): boolean {
    return model.section === undefined;
  }

  async run(model: Model, system: System): Promise<void> {
    const state = sectionOf(model);
    const tx = system.backend.batchTx();
    const all = (): void => {
      for (const each of this.writes) apply(model, state, tx, each);
      expectState(tx, state, keys, 'the section, seen from inside');
    };
    if (this.outcome === 'rollback') {
      tx.lock();
      all();
      tx.rollback();
    } else if (this.outcome === 'throw') {
      const mine = new Error('thrown out of update');
      expect(() =>
        system.backend.update(() => {
          all();
          throw mine;
        }),
      ).toThrow(mine);
    } else {
      system.backend.update(all);
      model.unlocked(state);
    }
  }

  toString(): string {
    return `update(${this.writes.map(described).join(', ')}) ${this.outcome}`;
  }
}

/** Begins a section that stays open; readers go on seeing the state before it. */
class LockCommand implements Command {
  constructor(private readonly acquired: boolean) {}

  check(model: Readonly<Model>): boolean {
    return model.section === undefined;
  }

  async run(model: Model, system: System): Promise<void> {
    if (this.acquired) await system.backend.batchTx().acquire();
    else system.backend.batchTx().lock();
    model.section = sectionOf(model);
  }

  toString(): string {
    return this.acquired ? 'acquire' : 'lock';
  }
}

/** Writes in the open section. */
class SectionWriteCommand implements Command {
  constructor(private readonly writes: readonly Write[]) {}

  check(model: Readonly<Model>): boolean {
    return model.section !== undefined;
  }

  async run(model: Model, system: System): Promise<void> {
    for (const each of this.writes) apply(model, model.section as State, system.backend.batchTx(), each);
  }

  toString(): string {
    return `in the section: ${this.writes.map(described).join(', ')}`;
  }
}

/** Ends the open section. */
class EndSectionCommand implements Command {
  constructor(private readonly how: 'unlock' | 'rollback' | 'dispose') {}

  check(model: Readonly<Model>): boolean {
    return model.section !== undefined;
  }

  async run(model: Model, system: System): Promise<void> {
    const tx = system.backend.batchTx();
    if (this.how === 'unlock') tx.unlock();
    else if (this.how === 'rollback') tx.rollback();
    else tx[Symbol.dispose]();
    if (this.how !== 'rollback') model.unlocked(model.section as State);
    model.section = undefined;
  }

  toString(): string {
    return this.how;
  }
}

/** One section with many keys: what fills memtables and levels. */
class BulkCommand implements Command {
  constructor(
    private readonly bucket: number,
    private readonly from: number,
    private readonly count: number,
    private readonly kind: 'put' | 'seqPut' | 'delete',
  ) {}

  check(model: Readonly<Model>): boolean {
    return model.section === undefined;
  }

  async run(model: Model, system: System): Promise<void> {
    const name = pick(bucketNames, this.bucket);
    const state = copyOf(model.visible);
    const entries = state.get(name) ?? new Map<string, Buffer>();
    state.set(name, entries);
    system.backend.update((tx) => {
      const bucket = Buffer.from(name, 'latin1');
      tx.unsafeCreateBucket(bucket);
      for (let at = this.from; at < this.from + this.count; at++) {
        const key = `bulk${String(at).padStart(5, '0')}`;
        const value = valueOf(++model.valueCount, 200);
        if (this.kind === 'delete') {
          tx.unsafeDelete(bucket, key);
          entries.delete(key);
          continue;
        }
        if (this.kind === 'put') tx.unsafePut(bucket, key, value);
        else tx.unsafeSeqPut(bucket, key, value);
        entries.set(key, value);
      }
    });
    model.unlocked(state);
  }

  toString(): string {
    return `bulk ${this.kind} ${JSON.stringify(pick(bucketNames, this.bucket))} ${this.from}+${this.count}`;
  }
}

/** Every command that writes. */
export const writeCommands: fc.Arbitrary<Command> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc
      .tuple(
        fc.array(write, { minLength: 1, maxLength: 8 }),
        fc.constantFrom('unlock' as const, 'unlock' as const, 'unlock' as const, 'rollback' as const, 'throw' as const),
      )
      .map(([writes, outcome]) => new UpdateCommand(writes, outcome)),
  },
  { weight: 1, arbitrary: fc.boolean().map((acquired) => new LockCommand(acquired)) },
  { weight: 3, arbitrary: fc.array(write, { minLength: 1, maxLength: 5 }).map((writes) => new SectionWriteCommand(writes)) },
  {
    weight: 2,
    arbitrary: fc
      .constantFrom('unlock' as const, 'unlock' as const, 'rollback' as const, 'dispose' as const)
      .map((how) => new EndSectionCommand(how)),
  },
  {
    weight: 2,
    arbitrary: fc
      .tuple(
        index,
        fc.nat({ max: 400 }),
        fc.integer({ min: 1, max: 150 }),
        fc.constantFrom('put' as const, 'seqPut' as const, 'delete' as const),
      )
      .map(([bucket, from, count, kind]) => new BulkCommand(bucket, from, count, kind)),
  },
);
