/**
 * Power lost at any operation while a store writes, clears itself in constant time and in parts, flushes and compacts: what is there
 * afterwards is the state after some number of writes, no fewer than were acknowledged as durable.
 */
import { expect, test } from 'vitest';
import type { EngineBackend } from '../../src/backend/backend.js';
import { clear } from '../../src/level/clear.js';
import { byTier, report, seedOf } from '../support/tier.js';
import { smallSizes } from '../support/memory-database.js';
import { MemoryDisk } from '../support/memory-disk.js';

const config = { path: '/db', memtableBytes: 16_384 };
const writes = 60;
const everything = { reverse: false, limit: -1 };

/** Keys after so many writes: each puts two, the empty key among them; every 13th clears all, every 17th those from 5 on. */
function keysAfter(count: number): string[] {
  let keys = new Set<string>();
  for (let number = 1; number <= count; number++) {
    if (number % 13 === 0) keys = new Set();
    else if (number % 17 === 0) keys = new Set([...keys].filter((key) => key < '5'));
    else for (const key of [String(number), number % 7 === 0 ? '' : 'last']) keys.add(key);
  }
  return [...keys].sort();
}

/** Runs all writes; `durable` is told how many are. */
async function life(backend: EngineBackend, durable: (count: number) => void): Promise<void> {
  const store = backend.bucketStore('level');
  for (let number = 1; number <= writes; number++) {
    const value = `${number}`.padEnd(700, '.');
    if (number % 13 === 0) store.clear();
    else if (number % 17 === 0) await clear(store, { ...everything, gte: '5' }, undefined);
    else {
      store.write([
        { type: 'put', key: String(number), value },
        { type: 'put', key: number % 7 === 0 ? '' : 'last', value },
      ]);
    }
    if (number % 10 === 0) {
      await store.commit();
      durable(number);
    }
    if (number === 40) await backend.defrag();
  }
}

function keysOf(backend: EngineBackend): string[] {
  const store = backend.bucketStore('level');
  const view = store.view();
  const keys: string[] = [];
  const bucket = view.bucket;
  if (bucket !== undefined) {
    const walk = store.walk(view, bucket, { lower: bucket.prefix, upper: bucket.end }, false);
    for (let entry = walk.next(); entry !== undefined; entry = walk.next()) {
      keys.push(Buffer.from(entry.keyBytes.subarray(entry.keyStart + bucket.prefix.length, entry.keyEnd)).toString());
    }
  }
  view.release();
  return keys;
}

test(
  'after a loss of power the state is that after some write, not before the last durable one',
  { timeout: 600_000 },
  async () => {
    const seed = seedOf('level crash');
    const states = Array.from({ length: writes + 1 }, (_, count) => JSON.stringify(keysAfter(count)));
    let losses = 0;
    let isOver = false;
    for (let lossAt = 0; !isOver; lossAt += byTier(7, 1)) {
      const disk = new MemoryDisk(smallSizes);
      let durable = 0;
      await disk.losePower(lossAt, seed + lossAt, async () => {
        const backend = await disk.open(config);
        await life(backend as EngineBackend, (count) => (durable = count));
        isOver = true;
      });
      losses++;
      const backend = (await disk.open(config)) as EngineBackend;
      const found = states.lastIndexOf(JSON.stringify(keysOf(backend)));
      expect(found, `power lost at ${lossAt}, ${durable} writes durable: ${keysOf(backend).join()}`).toBeGreaterThanOrEqual(
        durable,
      );
      await backend.close();
      disk.expectNoHandles();
    }
    report('level crash', `${losses} losses of power`);
  },
);
