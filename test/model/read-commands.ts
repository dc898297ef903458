/**
 * Commands that read, through whichever transaction: the shared one, the open section, a pinned one, or a view of the moment.
 */
import fc from 'fast-check';
import type { ReadTx } from 'varve';
import { expect } from 'vitest';
import { expectCode } from '../contract/support/harness.js';
import { type Bounds, bucketsOf, type Entry, entriesOf, iterationOf, rangeOf, type State } from './state.js';
import { bounds, bucketNames, index, keys, limit, pick } from './universe.js';
import { type Command, expectEntries, expectState, type Model, type System, visited } from './world.js';

/** Which transaction reads. */
type Through = 'shared' | 'batch' | 'pinned' | 'view';
const through: fc.Arbitrary<Through> = fc.constantFrom('shared' as const, 'batch' as const, 'pinned' as const, 'view' as const);

/** Reads through one kind of transaction, and knows the state that it must show. */
abstract class ReadCommand implements Command {
  constructor(
    private readonly through: Through,
    private readonly which: number,
  ) {}

  check(model: Readonly<Model>): boolean {
    if (this.through === 'batch') return model.section !== undefined;
    return this.through !== 'pinned' || model.pins.some(({ kind }) => kind === 'concurrent');
  }

  async run(model: Model, system: System): Promise<void> {
    if (this.through === 'batch') {
      this.read(system.backend.batchTx(), model.section as State, true);
    } else if (this.through === 'pinned') {
      const pin = pick(
        model.pins.filter(({ kind }) => kind === 'concurrent'),
        this.which,
      );
      this.read(system.readers.get(pin.id) as ReadTx, pin.state, false);
    } else if (this.through === 'view') {
      system.backend.view((tx) => this.read(tx, model.visible, false));
    } else {
      this.read(system.backend.readTx(), model.shared, false);
    }
  }

  toString(): string {
    return `${this.through}${this.through === 'pinned' ? this.which : ''}.${this.described()}`;
  }

  protected abstract described(): string;
  protected abstract read(reader: ReadTx, state: State, writer: boolean): void;
}

function entries(pairs: Iterable<[Buffer, Buffer]>): Entry[] {
  return Array.from(pairs, ([key, value]) => [key.toString('latin1'), value] as const);
}

class RangeCommand extends ReadCommand {
  constructor(
    through: Through,
    which: number,
    readonly bucket: number,
    readonly key: number,
    readonly endKey: number | null,
    readonly limit: number | undefined,
  ) {
    super(through, which);
  }

  protected override described(): string {
    const end = this.endKey === null ? null : pick(bounds, this.endKey).slice(-12);
    return `range ${JSON.stringify([pick(bucketNames, this.bucket), pick(bounds, this.key).slice(-12), end, this.limit])}`;
  }

  protected override read(reader: ReadTx, state: State, writer: boolean): void {
    const [name, key] = [pick(bucketNames, this.bucket), pick(bounds, this.key)];
    const endKey = this.endKey === null ? null : pick(bounds, this.endKey);
    const call = () =>
      reader.unsafeRange(
        Buffer.from(name, 'latin1'),
        Buffer.from(key, 'latin1'),
        endKey === null ? null : Buffer.from(endKey, 'latin1'),
        this.limit,
      );
    if (writer && !state.has(name)) {
      expectCode(call, 'VARVE_BUCKET_NOT_FOUND');
      return;
    }
    const { keys: found, vals } = call();
    expect(vals).toHaveLength(found.length);
    const pairs = found.map((each, at): Entry => [each.toString('latin1'), vals[at] as Buffer]);
    expectEntries(pairs, rangeOf(state, name, key, endKey, this.limit), this.toString());
  }
}

class IterateCommand extends ReadCommand {
  constructor(
    through: Through,
    which: number,
    readonly bucket: number,
    readonly bounds: Bounds,
    readonly reverse: boolean,
    readonly limit: number | undefined,
  ) {
    super(through, which);
  }

  protected override described(): string {
    return `iterate ${JSON.stringify([pick(bucketNames, this.bucket), this.bounds, this.reverse, this.limit])}`;
  }

  protected override read(reader: ReadTx, state: State): void {
    const name = pick(bucketNames, this.bucket);
    const given = Object.fromEntries(
      Object.entries(this.bounds).map(([side, bound]) => [side, Buffer.from(String(bound), 'latin1')]),
    );
    const options = { ...given, reverse: this.reverse, ...(this.limit === undefined ? {} : { limit: this.limit }) };
    const found = entries(reader.unsafeIterate(Buffer.from(name, 'latin1'), options));
    expectEntries(found, iterationOf(state, name, this.bounds, this.reverse, this.limit), this.toString());
  }
}

class GetCommand extends ReadCommand {
  constructor(
    through: Through,
    which: number,
    readonly bucket: number,
    readonly key: number,
  ) {
    super(through, which);
  }

  protected override described(): string {
    return `get ${JSON.stringify([pick(bucketNames, this.bucket), pick(bounds, this.key).slice(-12)])}`;
  }

  protected override read(reader: ReadTx, state: State, writer: boolean): void {
    const [name, key] = [pick(bucketNames, this.bucket), pick(bounds, this.key)];
    const call = () => reader.unsafeGet(Buffer.from(name, 'latin1'), Buffer.from(key, 'latin1'));
    if (writer && !state.has(name)) {
      expectCode(call, 'VARVE_BUCKET_NOT_FOUND');
      return;
    }
    const [found, expected] = [call(), state.get(name)?.get(key)];
    expectEntries(found === undefined ? [] : [[key, found]], expected === undefined ? [] : [[key, expected]], this.toString());
  }
}

class WalkCommand extends ReadCommand {
  constructor(
    through: Through,
    which: number,
    readonly bucket: number,
  ) {
    super(through, which);
  }

  protected override described(): string {
    return `forEach ${JSON.stringify(pick(bucketNames, this.bucket))}, and buckets`;
  }

  protected override read(reader: ReadTx, state: State): void {
    const name = pick(bucketNames, this.bucket);
    expectEntries(visited(reader, name), entriesOf(state, name), this.toString());
    expect(
      reader.unsafeBuckets().map((each) => each.toString('latin1')),
      this.toString(),
    ).toEqual(bucketsOf(state));
  }
}

class EverythingCommand extends ReadCommand {
  protected override described(): string {
    return 'everything';
  }

  protected override read(reader: ReadTx, state: State): void {
    expectState(reader, state, keys, this.toString());
  }
}

const bound: fc.Arbitrary<string | undefined> = fc.oneof(fc.constant(undefined), fc.constantFrom(...bounds));
const boundsOfIteration: fc.Arbitrary<Bounds> = fc
  .record({ gte: bound, gt: bound, lte: bound, lt: bound })
  .map((given) => Object.fromEntries(Object.entries(given).filter(([, each]) => each !== undefined)) as Bounds);

/** Every command that reads. */
export const readCommands: fc.Arbitrary<Command> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.tuple(through, index, index, index, fc.option(index), limit).map((all) => new RangeCommand(...all)),
  },
  {
    weight: 3,
    arbitrary: fc.tuple(through, index, index, boundsOfIteration, fc.boolean(), limit).map((all) => new IterateCommand(...all)),
  },
  { weight: 3, arbitrary: fc.tuple(through, index, index, index).map((all) => new GetCommand(...all)) },
  { weight: 2, arbitrary: fc.tuple(through, index, index).map((all) => new WalkCommand(...all)) },
  { weight: 1, arbitrary: fc.tuple(through, index).map((all) => new EverythingCommand(...all)) },
);
