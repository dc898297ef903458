/**
 * The channels: each tells what happened, when it has; nobody pays for them who does not listen; and listeners cannot hurt the store.
 */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, onTestFinished, test } from 'vitest';
import { EngineBackend } from '../../src/backend/backend.js';
import type { BackendConfig } from '../../src/api.js';
import { BackPressure, type Waiting } from '../../src/engine/back-pressure.js';
import { openEngine } from '../../src/engine/open.js';
import type { Observer, StallKind } from '../../src/engine/observer.js';
import { resolveOptions } from '../../src/options.js';
import { open, until } from '../contract/support/harness.js';
import { EagerClock, turnsOfTheLoop } from '../support/eager-clock.js';
import { inlineEnvironment, smallSizes } from '../support/memory-database.js';
import { MemoryFileSystem, systemFailure } from '../support/memory-file-system.js';

type Topic = keyof Observer;
type Message = Readonly<Record<string, unknown>>;
const topics: readonly Topic[] = ['flush', 'compaction', 'stall', 'commit', 'error'];

/** Everything that an engine tells, by topic. `listening` says who has subscribers. */
class Recorder {
  readonly told: Record<Topic, Message[]> = { flush: [], compaction: [], stall: [], commit: [], error: [] };
  readonly observer: Observer;

  constructor(listening: boolean) {
    const topic = (name: Topic): { hasSubscribers: boolean; publish: (message: object) => void } => ({
      hasSubscribers: listening,
      publish: (message) => this.told[name].push({ ...message }),
    });
    this.observer = {
      flush: topic('flush'),
      compaction: topic('compaction'),
      stall: topic('stall'),
      commit: topic('commit'),
      error: topic('error'),
    };
  }
}

async function openWith(observer: Observer, disk: MemoryFileSystem, config: Partial<BackendConfig> = {}): Promise<EngineBackend> {
  const options = resolveOptions({ path: '/db', batchIntervalMs: 3_600_000, batchLimit: 1e9, memtableBytes: 16_384, ...config });
  return new EngineBackend(await openEngine(options, { ...inlineEnvironment(disk, smallSizes), observer }));
}

async function write(backend: EngineBackend, sections: number, awaited: boolean): Promise<void> {
  backend.update((tx) => tx.unsafeCreateBucket('b'));
  for (let i = 0; i < sections; i++) {
    backend.update((tx) => tx.unsafePut('b', `key${(i * 7919) % 1000}`, Buffer.alloc(400, i)));
    if (awaited) await backend.forceCommit();
  }
  await backend.forceCommit();
}

/** The fields that docs/observability.md lists, by channel. */
function documentedFields(): Map<string, string[]> {
  const text = readFileSync(fileURLToPath(new URL('../../docs/observability.md', import.meta.url)), 'utf8');
  const fields = new Map<string, string[]>();
  let current: string[] = [];
  const table = /\| channel \| field \|[\s\S]*?\n\n/.exec(text)?.[0] ?? '';
  for (const [, channel, names = ''] of table.matchAll(/^\| (?:`varve:(\w+)`)? ?\| ([^|]+) \|/gm)) {
    if (channel !== undefined) fields.set(channel, (current = ['database']));
    current.push(...[...names.matchAll(/`(\w+)`/g)].map(([, name = '']) => name));
  }
  return fields;
}

function expectDocumented(told: Readonly<Record<Topic, readonly Message[]>>, heard: readonly Topic[]): void {
  const fields = documentedFields();
  expect([...fields.keys()].sort()).toEqual([...topics].sort());
  for (const topic of heard) {
    expect(told[topic].length, topic).toBeGreaterThan(0);
    for (const message of told[topic]) expect(Object.keys(message).sort(), topic).toEqual(fields.get(topic)?.sort());
  }
}

const sum = (messages: readonly Message[], field: string): number =>
  messages.reduce((total, message) => total + Number(message[field]), 0);

describe('in one thread', () => {
  test('what is told adds up to what stats() counts, in the fields that are documented', async () => {
    const { told, observer } = new Recorder(true);
    const backend = await openWith(observer, new MemoryFileSystem());
    await write(backend, 600, false);
    await backend.defrag();
    const stats = backend.stats();
    expectDocumented(told, ['flush', 'compaction', 'stall', 'commit']);
    expect(told.flush).toHaveLength(stats.flushes);
    expect(sum(told.flush, 'bytesWritten')).toBe(stats.flushBytesWritten);
    expect(told.compaction).toHaveLength(stats.compactions);
    expect(sum(told.compaction, 'bytesWritten')).toBe(stats.compactionBytesWritten);
    expect(sum(told.compaction, 'tablesMoved')).toBe(stats.tablesMoved);
    expect(told.compaction.at(-1)).toMatchObject({ isFull: true, targetLevel: 6, database: '/db' });
    expect(told.commit).toHaveLength(stats.commits);
    expect(sum(told.commit, 'bytesWritten')).toBe(stats.walBytesWritten);
    expect(told.stall).toHaveLength(stats.stalls.count);
    expect(sum(told.stall, 'durationMs')).toBeCloseTo(stats.stalls.totalMs);
    expect(told.stall.map(({ kind }) => kind)).toContain('blocked');
    expect(told.error).toEqual([]);
    await backend.close();
  });

  test('a flush that fails, and the failure that poisons, are told; the first is tried again', async () => {
    const { told, observer } = new Recorder(true);
    const disk = new MemoryFileSystem();
    const backend = await openWith(observer, disk);
    let failing = 1;
    disk.onOperation = ({ kind, path }) => {
      if (kind === 'create' && path.endsWith('.sst') && failing-- > 0) throw systemFailure('ENOSPC', path);
    };
    await write(backend, 100, true);
    await backend.defrag().catch(() => {});
    expect(told.error).toHaveLength(backend.stats().backgroundFailures);
    expect(told.error[0]).toMatchObject({ origin: 'flush', willRetry: true, database: '/db' });
    told.error.length = 0;
    disk.onOperation = ({ kind, path }) => {
      if (kind === 'sync' && path.endsWith('.log')) throw systemFailure('EIO', path);
    };
    backend.update((tx) => tx.unsafePut('b', 'k', 'v'));
    await expect(backend.forceCommit()).rejects.toMatchObject({ code: 'VARVE_IO' });
    await expect(backend.forceCommit()).rejects.toMatchObject({ code: 'VARVE_POISONED' });
    expect(told.error).toEqual([
      { database: '/db', origin: 'poison', code: 'VARVE_IO', message: expect.any(String), willRetry: false },
    ]);
    expectDocumented(told, ['error']);
    await backend.close().catch(() => {});
  });

  test('without subscribers nothing is published', async () => {
    const { told, observer } = new Recorder(false);
    const backend = await openWith(observer, new MemoryFileSystem());
    await write(backend, 600, false);
    await backend.defrag();
    expect(backend.stats().stalls.count).toBeGreaterThan(0);
    await backend.close();
    expect(Object.values(told).flat()).toEqual([]);
  });
});

describe('an acknowledgement that is held back', () => {
  /** Back-pressure where that many memtables wait, which are flushed when `flush` is called. */
  function pressure(sealed: number, isFull: boolean): { held: Promise<void> | undefined; noted: StallKind[]; flush: () => void } {
    const memtables = { sealed: Array.from({ length: sealed }), active: { memtable: { isFull, usedBytes: 0, fullBytes: 1 } } };
    const noted: StallKind[] = [];
    let flush = (): void => {};
    const waiting: Waiting = {
      schedule: () => {},
      waitForResult: () => {},
      until: (condition) =>
        new Promise((resolve) => {
          flush = () => {
            memtables.sealed.length = 0;
            if (condition()) resolve();
          };
        }),
      noteStall: (kind, durationMs) => {
        expect(durationMs).toBeGreaterThanOrEqual(0);
        noted.push(kind);
      },
    };
    // Of its surroundings it looks at these alone.
    const surroundings = {
      memtables,
      clock: new EagerClock(),
      health: { isClosed: false, isPoisoned: false },
      versions: { version: { levels: [{ runs: [] }] } },
    };
    const jobs = { retry: { failures: 0 }, isFull: false };
    const held = new BackPressure(surroundings as never, jobs as never, jobs as never, waiting).holdBack(1024 * 1024);
    return { held, noted, flush: () => flush() };
  }

  test('for some milliseconds is counted as slowed, when it is over', async () => {
    const { held, noted } = pressure(2, false);
    expect(noted).toEqual([]);
    await held;
    expect(noted).toEqual(['slowed']);
  });

  test('until there is room is counted as waiting, when it is over', async () => {
    const { held, noted, flush } = pressure(2, true);
    await turnsOfTheLoop(5);
    expect(noted).toEqual([]);
    flush();
    await held;
    expect(noted).toEqual(['waiting']);
  });

  test('not at all is not counted', () => {
    expect(pressure(1, true)).toMatchObject({ held: undefined, noted: [] });
  });
});

describe('on the channels of Node, with the worker', () => {
  function listen(topic: Topic, listener: (message: unknown) => void): void {
    subscribe(`varve:${topic}`, listener);
    onTestFinished(() => void unsubscribe(`varve:${topic}`, listener));
  }

  test('each message comes, with the path of its database', async () => {
    const told: Record<Topic, Message[]> = { flush: [], compaction: [], stall: [], commit: [], error: [] };
    for (const topic of topics) listen(topic, (message) => told[topic].push(message as Message));
    const backend = await open({ memtableBytes: 16_384 });
    backend.update((tx) => tx.unsafeCreateBucket('b'));
    for (let i = 0; i < 400; i++) backend.update((tx) => tx.unsafePut('b', `key${i % 100}`, Buffer.alloc(400, i)));
    await backend.defrag();
    expectDocumented(told, ['flush', 'compaction', 'stall', 'commit']);
    const { stalls, flushes } = backend.stats();
    expect(told.stall).toHaveLength(stalls.count);
    expect(told.flush).toHaveLength(flushes);
    const databases = new Set(Object.values(told).flatMap((messages) => messages.map(({ database }) => database)));
    expect(databases.size).toBe(1);
  });

  test('a subscriber that throws hurts neither the store nor other subscribers', async () => {
    const thrown = new Error('of a subscriber');
    const caught: unknown[] = [];
    const before = process.listeners('uncaughtException');
    process.removeAllListeners('uncaughtException');
    process.on('uncaughtException', (error) => caught.push(error));
    onTestFinished(() => {
      process.removeAllListeners('uncaughtException');
      for (const listener of before) process.on('uncaughtException', listener);
    });
    let heard = 0;
    for (const topic of topics) {
      listen(topic, () => {
        throw thrown;
      });
      listen(topic, () => heard++);
    }
    const backend = await open({ memtableBytes: 16_384 });
    backend.update((tx) => tx.unsafeCreateBucket('b'));
    for (let i = 0; i < 200; i++) backend.update((tx) => tx.unsafePut('b', `key${i}`, Buffer.alloc(400, i)));
    await backend.defrag();
    await until(() => caught.length === heard, 'every throw was reported');
    expect(heard).toBeGreaterThan(0);
    expect(new Set(caught)).toEqual(new Set([thrown]));
    expect(backend.readTx().unsafeRange('b', 'a', 'z').keys).toHaveLength(200);
    expect(backend.stats().backgroundFailures).toBe(0);
  });
});
