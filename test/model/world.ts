/**
 * The two sides of the model test: the model, which knows what must be, and the system, which is the library.
 *
 * ```
 *   history:   [ durable, …, unlocked but not known to be committed, …, visible ]
 *   section:   a copy of visible that an open section changes; nobody else sees it
 *   pinned:    states that views and snapshots were opened at
 * ```
 *
 * **Invariants**
 * 1. `history[0]` is the state of the last acknowledged commit: a crash may lose nothing of it.
 * 2. The last of `history` is what readers see. A commit that nobody asked for may have made any state of it durable; `hash`
 *    tells which, and the model learns it. A crash may leave any one of them, and no other.
 * 3. Commands resolve the indices that they were generated with when they run, so that shrinking keeps their meaning.
 */
import { join } from 'node:path';
import type fc from 'fast-check';
import { type Backend, type BackendConfig, openBackend, type ReadTx, type Snapshot } from 'varve';
import { expect } from 'vitest';
import { bucketsOf, copyOf, type Entry, entriesOf, hashOf, type State } from './state.js';

/** A state that a view or snapshot of the system stands still at. */
export interface Pin {
  kind: 'concurrent' | 'snapshot' | 'iterator';
  /** Where the system keeps it. */
  id: number;
  state: State;
}

/** What must be. */
export class Model {
  history: State[] = [new Map()];
  section: State | undefined;
  /** Depth of locks on the shared read transaction, and the state at the first. */
  sharedDepth = 0;
  sharedState: State = new Map();
  pins: Pin[] = [];
  nextPinId = 0;
  /** Counts values, so that each is another one. */
  valueCount = 0;

  /** What readers see. */
  get visible(): State {
    return this.history.at(-1) as State;
  }

  /** What the shared read transaction sees. */
  get shared(): State {
    return this.sharedDepth > 0 ? this.sharedState : this.visible;
  }

  /** A section was unlocked. */
  unlocked(state: State): void {
    this.history.push(state);
  }

  /** A commit was acknowledged that was asked for when `state` was visible. */
  committed(state: State): void {
    const at = this.history.lastIndexOf(state);
    if (at > 0) this.history.splice(0, at);
  }

  /** The hash of the committed content was read: the oldest state with it is committed, if no later one is. */
  learnt(hash: number): void {
    const at = this.history.findIndex((state) => hashOf(state) === hash);
    if (at >= 0) this.history.splice(0, at);
    else expect.fail(`hash ${hash} is of none of the ${this.history.length} states that may be committed`);
  }

  /** Power was lost and the database opened again: it may show any state of the history, and that one is durable now. */
  crashed(matches: (state: State) => boolean): void {
    const at = this.history.findLastIndex(matches);
    if (at < 0) expect.fail(`what came back is none of the ${this.history.length} states that a crash may leave`);
    this.history.splice(at + 1);
    this.closed();
  }

  /** The backend was closed: everything unlocked is durable, and everything open has ended. */
  closed(): void {
    this.history = [this.visible];
    this.section = undefined;
    this.sharedDepth = 0;
    this.pins = [];
  }
}

/** What databases of the model test lie on. */
export interface Disk {
  open(config: BackendConfig): Promise<Backend>;
  /** Loses power after so many more operations, or when they have come to rest. `seed` says what is left of what was not synced. */
  losePower?(lossAt: number, seed: number, activity: () => Promise<void>): Promise<void>;
}

/** The disk of this machine, which the test cannot take the power from. */
export const realDisk: Disk = { open: openBackend };

/** The library, and what is open in it. */
export class System {
  readonly readers = new Map<number, ReadTx>();
  readonly snapshots = new Map<number, Snapshot>();
  readonly iterators = new Map<number, IterableIterator<[Buffer, Buffer]>>();
  /** Commits that were asked for and not waited for. */
  commits: Promise<void>[] = [];
  private restoredCount = 0;

  private constructor(
    readonly directory: string,
    readonly disk: Disk,
    public backend: Backend,
  ) {}

  private static configOf(directory: string, options: Partial<BackendConfig>): BackendConfig {
    return { path: join(directory, 'db'), batchIntervalMs: 3_600_000, ...options };
  }

  /** Opens a fresh database below the directory. */
  static async open(directory: string, options: Partial<BackendConfig>, disk: Disk = realDisk): Promise<System> {
    return new System(directory, disk, await disk.open(System.configOf(directory, options)));
  }

  /** Closes the database and opens it again. */
  async reopen(options: Partial<BackendConfig>): Promise<void> {
    await this.close();
    await this.openAgain(options);
  }

  /** Opens the database, which is not open. */
  async openAgain(options: Partial<BackendConfig>): Promise<void> {
    this.backend = await this.disk.open(System.configOf(this.directory, options));
  }

  /** A path at which nothing is yet. */
  freshPath(): string {
    return join(this.directory, `restored-${this.restoredCount++}`);
  }

  /** Closes the database; everything that was open in it has ended. */
  async close(): Promise<void> {
    await this.backend.close();
    await Promise.all(this.commits);
    this.forget();
  }

  /** Lets go of what was open in a backend that is gone. */
  forget(): void {
    this.commits = [];
    this.readers.clear();
    this.snapshots.clear();
    this.iterators.clear();
  }
}

/** A command over both. */
export type Command = fc.AsyncCommand<Model, System>;

function sameEntries(found: readonly Entry[], expected: readonly Entry[]): boolean {
  return (
    found.length === expected.length &&
    found.every(([key, value], index) => {
      const [expectedKey, expectedValue] = expected[index] as Entry;
      return key === expectedKey && value.equals(expectedValue);
    })
  );
}

function described(entries: readonly Entry[]): string[] {
  return entries.map(
    ([key, value]) => `${JSON.stringify(key)}: ${value.length} bytes ${JSON.stringify(value.toString('latin1', 0, 24))}`,
  );
}

/** Expects the same keys and values in the same order. */
export function expectEntries(found: readonly Entry[], expected: readonly Entry[], what: string): void {
  if (!sameEntries(found, expected)) expect(described(found), what).toEqual(described(expected));
}

/** The entries of a bucket as forEach visits them. */
export function visited(reader: ReadTx, bucket: string): Entry[] {
  const entries: Entry[] = [];
  reader.unsafeForEach(Buffer.from(bucket, 'latin1'), (key, value) => {
    entries.push([key.toString('latin1'), value]);
  });
  return entries;
}

/** Expects a reader to show exactly this state: buckets, walks, and point reads of every key of `probes` as well. */
export function expectState(reader: ReadTx, state: State, probes: readonly string[], what: string): void {
  expect(
    reader.unsafeBuckets().map((name) => name.toString('latin1')),
    what,
  ).toEqual(bucketsOf(state));
  for (const bucket of bucketsOf(state)) {
    expectEntries(visited(reader, bucket), entriesOf(state, bucket), `${what}, bucket ${JSON.stringify(bucket)}`);
    for (const key of probes) {
      const found = reader.unsafeGet(Buffer.from(bucket, 'latin1'), Buffer.from(key, 'latin1'));
      const expected = state.get(bucket)?.get(key);
      expectEntries(
        found === undefined ? [] : [[key, found]],
        expected === undefined ? [] : [[key, expected]],
        `${what}, a point read`,
      );
    }
  }
}

/** A copy of what is visible, for a section to change. */
export function sectionOf(model: Model): State {
  return copyOf(model.visible);
}
