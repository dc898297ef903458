/**
 * What the lives of workload.ts leave out: snapshots that are restored onto the same disk, an opening for reading alone, and a manifest
 * that grows until it is replaced.
 */
import { Writable } from 'node:stream';
import { expect } from 'vitest';
import type { Backend, BackendConfig } from '../../src/api.js';
import { restoreInto } from '../../src/backend/restore.js';
import type { MemoryFileSystem } from '../support/memory-file-system.js';
import { turnsOfTheLoop } from '../support/eager-clock.js';
import { fingerprint, type Journal, shownBy } from './journal.js';
import { lives } from './workload.js';

/** A part of the life of a backend, on a disk that other things happen on too. */
export interface DiskStep {
  readonly name: string;
  run(backend: Backend, journal: Journal, disk: MemoryFileSystem): Promise<void> | void;
}

/** From an opening to a close. */
export interface Life {
  readonly config?: Partial<BackendConfig>;
  readonly steps: readonly DiskStep[];
}

const commit = (backend: Backend, journal: Journal): Promise<void> => journal.durable(() => backend.batchTx().commit());

/** The bytes of a snapshot taken now. */
async function snapshotBytes(backend: Backend, journal: Journal): Promise<Buffer> {
  const chunks: Buffer[] = [];
  await journal.durable(async () => {
    const snapshot = await backend.snapshot();
    const target = new Writable({
      write: (chunk: Buffer, _encoding, done) => {
        chunks.push(Buffer.from(chunk));
        done();
      },
    });
    await snapshot.writeTo(target);
    await snapshot.close();
  });
  return Buffer.concat(chunks);
}

async function* inChunks(bytes: Buffer): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 20_000) yield await Promise.resolve(bytes.subarray(at, at + 20_000));
}

async function restore(backend: Backend, journal: Journal, disk: MemoryFileSystem, target: string): Promise<void> {
  const state = journal.visible;
  const bytes = await snapshotBytes(backend, journal);
  await journal.restored(target, state, () => restoreInto(inChunks(bytes), target, disk));
}

const growingManifest: DiskStep = {
  name: 'a manifest that outgrows itself',
  run: async (backend, journal) => {
    journal.update(backend, (section) => section.create('long keys'));
    // A table names its smallest and its largest key in the manifest, so each flush adds 60 KB to it.
    for (let round = 0; round < 6; round++) {
      journal.update(backend, (section) => section.put('long keys', `${round}`.repeat(30_000), 10));
      await commit(backend, journal);
      await turnsOfTheLoop(6);
    }
    journal.update(backend, (section) => section.drop('long keys'));
    await commit(backend, journal);
    await turnsOfTheLoop(6);
  },
};

const readingOnly: DiskStep = {
  name: 'an opening for reading alone',
  run: async (backend, journal, disk) => {
    const before = disk.operationCount;
    expect(fingerprint(shownBy(backend.readTx()))).toBe(fingerprint(journal.visible));
    await snapshotBytes(backend, journal);
    expect(disk.operationCount).toBe(before);
  },
};

const laterLives: readonly Life[] = [
  { steps: [growingManifest] },
  { config: { readOnly: true }, steps: [readingOnly] },
  {
    steps: [
      {
        name: 'a snapshot restored where nothing is',
        run: async (backend, journal, disk) => {
          journal.update(backend, (section) => section.puts('a', 700, 20, 100));
          await restore(backend, journal, disk, '/srv/copies/new/db');
        },
      },
      {
        name: 'a snapshot restored into an empty directory',
        run: async (backend, journal, disk) => {
          disk.makeDirectory('/srv/empty');
          journal.update(backend, (section) => section.delete('a', 'key0700'));
          await restore(backend, journal, disk, '/srv/empty');
        },
      },
    ],
  },
];

/** The whole life of the database of the workload. */
export const wholeLife: readonly Life[] = [...lives.map((steps): Life => ({ steps })), ...laterLives];
