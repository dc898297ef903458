/**
 * Commands that pin a moment and look at it later: concurrent reads, locks of the shared one, half-read iterators, snapshots.
 */
import { rmSync } from 'node:fs';
import fc from 'fast-check';
import { openBackend, type ReadTx, restoreSnapshot, type Snapshot } from 'varve';
import { expect } from 'vitest';
import { bytesOfSnapshot, inChunks } from '../contract/support/snapshots.js';
import { type Entry, entriesOf, hashOf } from './state.js';
import { bucketNames, index, keys, pick } from './universe.js';
import { type Command, expectEntries, expectState, type Model, type Pin, type System } from './world.js';

/** So many views and snapshots may be open at once. */
const pinsMax = 8;

/** Opens a read transaction of its own, or a snapshot, and remembers the state. */
class PinCommand implements Command {
  constructor(private readonly kind: 'concurrent' | 'snapshot') {}

  check(model: Readonly<Model>): boolean {
    return model.pins.length < pinsMax;
  }

  async run(model: Model, system: System): Promise<void> {
    const state = model.visible;
    const id = model.nextPinId++;
    if (this.kind === 'snapshot') {
      system.snapshots.set(id, await system.backend.snapshot());
      model.committed(state);
    } else {
      system.readers.set(id, system.backend.concurrentReadTx());
    }
    model.pins.push({ kind: this.kind, id, state });
  }

  toString(): string {
    return `open a ${this.kind} pin`;
  }
}

/** Begins to iterate over a bucket; what is left is read at the end of the pin. */
class PinIteratorCommand implements Command {
  constructor(
    private readonly bucket: number,
    private readonly reverse: boolean,
  ) {}

  check(model: Readonly<Model>): boolean {
    return model.pins.length < pinsMax;
  }

  async run(model: Model, system: System): Promise<void> {
    const name = pick(bucketNames, this.bucket);
    const id = model.nextPinId++;
    system.iterators.set(id, system.backend.readTx().unsafeIterate(Buffer.from(name, 'latin1'), { reverse: this.reverse }));
    const entries = entriesOf(model.shared, name);
    // The one bucket in the order of the iteration is all that this pin shows.
    model.pins.push({ kind: 'iterator', id, state: new Map([[name, new Map(this.reverse ? entries.reverse() : entries)]]) });
  }

  toString(): string {
    return `begin to iterate over ${JSON.stringify(pick(bucketNames, this.bucket))}${this.reverse ? ' in reverse' : ''}`;
  }
}

async function expectSnapshot(system: System, pin: Pin): Promise<void> {
  const snapshot = system.snapshots.get(pin.id) as Snapshot;
  const bytes = await bytesOfSnapshot(snapshot);
  expect(bytes.length).toBe(snapshot.size());
  const path = system.freshPath();
  await restoreSnapshot(inChunks(bytes, 9973), path);
  const restored = await openBackend({ path, createIfMissing: false });
  try {
    expectState(restored.readTx(), pin.state, keys, `the snapshot pinned as ${pin.id}`);
    expect(await restored.hash()).toBe(hashOf(pin.state));
  } finally {
    await restored.close();
    rmSync(path, { recursive: true, force: true });
  }
}

/** Looks at a pin once more, and lets it go where `release` says so. */
class CheckPinCommand implements Command {
  constructor(
    private readonly which: number,
    private readonly release: boolean,
  ) {}

  check(model: Readonly<Model>): boolean {
    return model.pins.length > 0;
  }

  async run(model: Model, system: System): Promise<void> {
    const pin = pick(model.pins, this.which);
    const reader = system.readers.get(pin.id);
    const iterator = system.iterators.get(pin.id);
    if (reader !== undefined) expectState(reader, pin.state, keys, `the view pinned as ${pin.id}`);
    else if (iterator === undefined) await expectSnapshot(system, pin);
    if (iterator === undefined && !this.release) return;
    if (iterator !== undefined) {
      const [bucket] = pin.state.values();
      const found = Array.from(iterator, ([key, value]): Entry => [key.toString('latin1'), value]);
      expectEntries(found, [...(bucket ?? [])], `the iterator pinned as ${pin.id}`);
    }
    (reader as ReadTx | undefined)?.runlock();
    await system.snapshots.get(pin.id)?.close();
    for (const open of [system.readers, system.snapshots, system.iterators]) open.delete(pin.id);
    model.pins = model.pins.filter((each) => each !== pin);
    const locked = model.sharedDepth > 0 ? 1 : 0;
    expect(system.backend.openReadTxN()).toBe(model.pins.filter(({ kind }) => kind !== 'iterator').length + locked);
  }

  toString(): string {
    return `check pin ${this.which}${this.release ? ' and release it' : ''}`;
  }
}

/** Locks or unlocks the shared read transaction. */
class SharedLockCommand implements Command {
  constructor(private readonly lock: boolean) {}

  check(model: Readonly<Model>): boolean {
    return this.lock ? model.sharedDepth < 3 : model.sharedDepth > 0;
  }

  async run(model: Model, system: System): Promise<void> {
    if (this.lock) {
      if (model.sharedDepth++ === 0) model.sharedState = model.visible;
      system.backend.readTx().rlock();
    } else {
      model.sharedDepth--;
      system.backend.readTx().runlock();
    }
  }

  toString(): string {
    return this.lock ? 'rlock' : 'runlock';
  }
}

/** Every command about pinned moments. */
export const pinCommands: fc.Arbitrary<Command> = fc.oneof(
  { weight: 6, arbitrary: fc.constant(new PinCommand('concurrent')) },
  { weight: 1, arbitrary: fc.constant(new PinCommand('snapshot')) },
  { weight: 3, arbitrary: fc.tuple(index, fc.boolean()).map((all) => new PinIteratorCommand(...all)) },
  { weight: 6, arbitrary: fc.tuple(index, fc.boolean()).map((all) => new CheckPinCommand(...all)) },
  { weight: 4, arbitrary: fc.boolean().map((lock) => new SharedLockCommand(lock)) },
);
