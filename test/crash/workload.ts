/**
 * One fixed life of a database, with everything in it that changes files: creation, groups of commits, rotation, flush and
 * compaction, values larger than a memtable, a bucket deleted and made again, defrag, a snapshot, close and reopen.
 */
import { Writable } from 'node:stream';
import type { Backend, BackendConfig } from '../../src/api.js';
import type { FileSystem } from '../../src/env/file-system.js';
import { openOn, smallSizes } from '../support/memory-database.js';
import { turnsOfTheLoop } from '../support/eager-clock.js';
import type { Journal } from './journal.js';

/** Where the database of the workload is. */
export const path = '/srv/data/db';

/** How it is opened. */
export const config: BackendConfig = { path, memtableBytes: 16 * 1024, cacheBytes: 4096, compaction: 'read' };

/** Opens the database of the workload. */
export function openDatabase(fileSystem: FileSystem): Promise<Backend> {
  return openOn(fileSystem, config, smallSizes);
}

/** A part of the life of a backend. */
export interface Step {
  readonly name: string;
  /**
   * Something else than the call whose error the step shows may meet a failure first: a log that is written in place for a writer that
   * does not wait, or another call at the same time.
   */
  readonly hidesFirst?: boolean;
  run(backend: Backend, journal: Journal): Promise<void> | void;
}

const commit = (backend: Backend, journal: Journal): Promise<void> => journal.durable(() => backend.batchTx().commit());

const firstLife: Step[] = [
  {
    name: 'a first section and its commit',
    run: async (backend, journal) => {
      journal.update(backend, (section) => {
        section.create('a');
        section.create('b');
        section.puts('a', 0, 10, 50);
      });
      await commit(backend, journal);
    },
  },
  {
    name: 'sections that join one group, and a commit during another',
    run: async (backend, journal) => {
      journal.update(backend, (section) => section.puts('a', 5, 10, 60));
      const first = commit(backend, journal);
      journal.update(backend, (section) => section.puts('b', 0, 5, 60));
      await Promise.resolve();
      journal.update(backend, (section) => section.delete('a', 'key0003'));
      const second = commit(backend, journal);
      await Promise.all([first, second]);
    },
  },
  {
    name: 'a section that is rolled back, an open one over a commit',
    run: async (backend, journal) => {
      const tx = backend.batchTx();
      tx.lock();
      tx.unsafePut('a', 'never', 'seen');
      tx.rollback();
      journal.update(backend, (section) => section.put('a', 'after the rollback', 10));
      tx.lock();
      tx.unsafePut('a', 'not yet', 'seen');
      try {
        await commit(backend, journal);
      } finally {
        tx.rollback();
      }
    },
  },
  {
    name: 'rotation with a commit for each section',
    run: async (backend, journal) => {
      for (let round = 0; round < 4; round++) {
        journal.update(backend, (section) => section.puts(round % 2 === 0 ? 'a' : 'b', round * 20, 45, 150, 3));
        await commit(backend, journal);
      }
    },
  },
  { name: 'background work', run: () => turnsOfTheLoop(12) },
  {
    name: 'a writer that does not wait',
    hidesFirst: true,
    run: async (backend, journal) => {
      for (let round = 0; round < 7; round++) {
        journal.update(backend, (section) => {
          section.puts('a', round * 13, 60, 180, 2);
          section.delete('a', `key${String(round * 13 + 1).padStart(4, '0')}`);
        });
      }
      await commit(backend, journal);
    },
  },
  {
    name: 'large values',
    hidesFirst: true,
    run: async (backend, journal) => {
      journal.update(backend, (section) => section.put('b', 'larger than a memtable', 20_000));
      journal.update(backend, (section) => section.put('b', 'written off the event loop', 280_000));
      journal.update(backend, (section) => section.put('a', 'small', 10));
      await commit(backend, journal);
      await turnsOfTheLoop(4);
    },
  },
  {
    name: 'a bucket deleted, and another one made under its name',
    run: async (backend, journal) => {
      journal.update(backend, (section) => section.drop('b'));
      await commit(backend, journal);
      journal.update(backend, (section) => {
        section.create('b');
        section.put('b', 'key0005', 20);
      });
      journal.update(backend, (section) => section.puts('b', 100, 90, 170));
      await commit(backend, journal);
      await turnsOfTheLoop(8);
    },
  },
];

const secondLife: Step[] = [
  {
    name: 'a snapshot over writes',
    hidesFirst: true,
    run: async (backend, journal) => {
      journal.update(backend, (section) => section.puts('a', 0, 30, 100));
      const snapshotTaken = journal.durable(async () => {
        const snapshot = await backend.snapshot();
        await snapshot.writeTo(new Writable({ write: (_chunk, _encoding, done) => done() }));
        await snapshot.close();
      });
      journal.update(backend, (section) => section.puts('a', 30, 30, 100));
      await snapshotTaken;
    },
  },
  {
    name: 'defrag over writes',
    hidesFirst: true,
    run: async (backend, journal) => {
      journal.update(backend, (section) => section.delete('a', 'key0007'));
      const defragged = journal.durable(() => backend.defrag());
      for (let round = 0; round < 4; round++) {
        await turnsOfTheLoop(2);
        journal.update(backend, (section) => section.puts('a', round, 30, 100, 4));
        await commit(backend, journal);
      }
      await defragged;
    },
  },
  {
    name: 'what close must commit',
    run: (backend, journal) => journal.update(backend, (section) => section.puts('a', 500, 10, 30)),
  },
];

const thirdLife: Step[] = [
  {
    name: 'after two times of reopening',
    run: async (backend, journal) => {
      journal.update(backend, (section) => section.puts('a', 510, 100, 180));
      await commit(backend, journal);
      await turnsOfTheLoop(6);
      journal.update(backend, (section) => section.puts('b', 510, 5, 180));
    },
  },
  {
    name: 'small commits, over the room behind their log, some of which is left',
    run: async (backend, journal) => {
      journal.update(backend, (section) => section.puts('a', 600, 25, 150));
      await commit(backend, journal);
      for (let round = 0; round < 3; round++) {
        journal.update(backend, (section) => section.put('b', `small ${round}`, 30));
        await commit(backend, journal);
      }
    },
  },
];

/** Each list of steps begins with an open and ends with a close. */
export const lives: readonly (readonly Step[])[] = [firstLife, secondLife, thirdLife];
