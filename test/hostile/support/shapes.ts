/**
 * Small databases of several shapes, each with the whole history of its states, so that an oracle can say which of them a hurt
 * one may show. Every commit is one group of the log and one state.
 */
import type { EngineBackend } from '../../../src/backend/backend.js';
import type { BackendConfig, BatchTx, ReadTx } from '../../../src/api.js';
import { turnsOfTheLoop } from '../../support/eager-clock.js';
import { openOn, smallSizes } from '../../support/memory-database.js';
import { MemoryFileSystem } from '../../support/memory-file-system.js';
import { directory, type Image, imageOf } from './image.js';

/** One database. */
export interface Shape {
  readonly name: string;
  readonly image: Image;
  /** Content after each commit, the empty one first and the newest last; as text, so that states compare. */
  readonly states: readonly string[];
  /** How many states the newest log's first group comes after. */
  readonly statesBeforeNewestLog: number;
  /** Whether it is small enough for every bit to be flipped. */
  readonly isSmall: boolean;
}

const latin1 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1');

/** Everything that a transaction sees, as text. */
export function contentOf(tx: ReadTx): string {
  const buckets = tx.unsafeBuckets().map((name) => {
    const entries = [...tx.unsafeIterate(name)].map(([key, value]) => [latin1(key), latin1(value)]);
    return [latin1(name), entries];
  });
  return JSON.stringify(buckets);
}

/** A database that is being filled. */
class Workshop {
  readonly states: string[];
  statesBeforeNewestLog = 0;

  private constructor(
    readonly disk: MemoryFileSystem,
    private backend: EngineBackend,
    private readonly config: BackendConfig,
  ) {
    this.states = [contentOf(backend.readTx())];
  }

  static async open(options: Partial<BackendConfig>): Promise<Workshop> {
    const disk = new MemoryFileSystem();
    const config: BackendConfig = { path: directory, memtableBytes: 16_384, compression: 'none', ...options };
    return new Workshop(disk, await openOn(disk, config, smallSizes), config);
  }

  async commit(section: (tx: BatchTx) => void): Promise<void> {
    this.backend.update(section);
    await this.backend.forceCommit();
    this.states.push(contentOf(this.backend.readTx()));
  }

  /** Pads one key until the memtable is full and flushed; then it is short again. `pinned`: a view makes the tables keep versions. */
  async flush(pinned: boolean): Promise<void> {
    const { flushes } = this.backend.stats();
    const view = pinned ? this.backend.concurrentReadTx() : undefined;
    for (let i = 0; this.backend.stats().flushes === flushes && i < 100; i++) {
      await this.commit((tx) => {
        tx.unsafePut('fruit', 'padding', Buffer.alloc(4000, i));
        tx.unsafePut('fruit', 'padding', `${i}`);
      });
      await turnsOfTheLoop(30);
    }
    view?.runlock();
    this.statesBeforeNewestLog = this.states.length - 1;
  }

  async defrag(): Promise<void> {
    await this.backend.defrag();
    this.statesBeforeNewestLog = this.states.length - 1;
  }

  async reopen(): Promise<void> {
    await this.backend.close();
    this.backend = await openOn(this.disk, this.config, smallSizes);
    this.statesBeforeNewestLog = this.states.length - 1;
  }

  /** The files as they are now; closing gives those that a close leaves. */
  async finish(how: 'open' | 'closed', isSmall = true): Promise<Shape> {
    await turnsOfTheLoop(30);
    const open = imageOf(this.disk);
    await this.backend.close();
    const { states, statesBeforeNewestLog } = this;
    return { name: '', image: how === 'open' ? open : imageOf(this.disk), states, statesBeforeNewestLog, isSmall };
  }
}

/** A few sections: buckets that come and go, overwrites, deletes, an empty value. */
async function smallLife(shop: Workshop, round: string): Promise<void> {
  await shop.commit((tx) => {
    tx.unsafeCreateBucket('fruit');
    tx.unsafeCreateBucket(`gone ${round}`);
    tx.unsafePut('fruit', `apple ${round}`, `red ${round}`);
    tx.unsafePut('fruit', 'pear', `green ${round}`);
    tx.unsafePut(`gone ${round}`, 'secret', 'hidden');
  });
  await shop.commit((tx) => {
    tx.unsafeDeleteBucket(`gone ${round}`);
    tx.unsafeDelete('fruit', 'pear');
    tx.unsafePut('fruit', Buffer.from([0, 255]), '');
  });
  await shop.commit((tx) => tx.unsafePut('fruit', 'pear', `yellow ${round}`));
}

async function logs(count: number, how: 'open' | 'closed'): Promise<Shape> {
  const shop = await Workshop.open({});
  for (let i = 0; i < count; i++) {
    if (i > 0) await shop.reopen();
    await smallLife(shop, `${i}`);
  }
  return shop.finish(how);
}

async function levels(how: 'open' | 'closed', compression: 'none' | 'zstd', pinned: boolean): Promise<Shape> {
  const shop = await Workshop.open({ compression });
  await smallLife(shop, 'old');
  await shop.commit((tx) => {
    for (let i = 0; i < 24; i++) tx.unsafePut('fruit', `number ${i}`, `value ${i} `.repeat(5));
  });
  await shop.defrag();
  await smallLife(shop, 'new');
  await shop.flush(pinned);
  await shop.commit((tx) => tx.unsafePut('fruit', 'plum', 'blue'));
  await shop.commit((tx) => tx.unsafeDelete('fruit', 'number 7'));
  return shop.finish(how);
}

/** A value that goes past every window: in the log, and in a table that has a block for it alone. */
async function largeValue(where: 'log' | 'table'): Promise<Shape> {
  const shop = await Workshop.open({ memtableBytes: 1024 * 1024 });
  await smallLife(shop, 'small');
  await shop.commit((tx) => tx.unsafePut('fruit', 'melon', Buffer.alloc(70_000, 'melon')));
  if (where === 'table') await shop.defrag();
  await smallLife(shop, 'after');
  return shop.finish('open', false);
}

const makers: Readonly<Record<string, () => Promise<Shape>>> = {
  'one log, open': () => logs(1, 'open'),
  'one log, closed': () => logs(1, 'closed'),
  'three logs, open': () => logs(3, 'open'),
  'two levels with versions, open': () => levels('open', 'none', true),
  'two levels, closed': () => levels('closed', 'none', false),
  'two levels, compressed, open': () => levels('open', 'zstd', false),
  'two levels with versions, compressed, closed': () => levels('closed', 'zstd', true),
  'a large value in a log': () => largeValue('log'),
  'a large value in a table': () => largeValue('table'),
};

export const shapeNames = Object.keys(makers);

/** One shape by its name. */
export async function shapeOf(name: string): Promise<Shape> {
  const make = makers[name];
  if (make === undefined) throw new Error(`there is no shape ${name}`);
  return { ...(await make()), name };
}

/** All shapes. */
export async function allShapes(): Promise<Shape[]> {
  const shapes: Shape[] = [];
  for (const name of shapeNames) shapes.push(await shapeOf(name));
  return shapes;
}
