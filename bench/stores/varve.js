/** varve: sections of one batch transaction, reads through one view for each group of calls. */
import { createWriteStream } from 'node:fs';
import { readFileSync } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { PassThrough } from 'node:stream';
import { openBackend } from '../../dist/index.js';

const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
const bucket = Buffer.from('bench');
const afterAllKeys = Buffer.from([0xff]);

/** @type {import('./store.js').StoreKind} */
export const varve = {
  name: 'varve',
  version,
  canSync: true,
  isCompressed: true,
  settings: 'defaults; unsafeNoFsync where nothing is synced; a batch is a section and its awaited commit',
  better: '',
  async open({ directory, isDurable, cacheBytes, config }) {
    const backend = await openBackend({ path: directory, cacheBytes, unsafeNoFsync: !isDurable, ...config });
    const tx = backend.batchTx();
    backend.update((section) => section.unsafeCreateBucket(bucket));
    await backend.forceCommit();
    return {
      backend,
      putBatch(keys, values, count) {
        tx.lock();
        for (let i = 0; i < count; i++) tx.unsafePut(bucket, keys[i], values[i]);
        tx.unlock();
        return tx.commit();
      },
      putVisible(keys, values, count) {
        tx.lock();
        for (let i = 0; i < count; i++) tx.unsafePut(bucket, keys[i], values[i]);
        tx.unlock();
      },
      deleteBatch(keys, count) {
        tx.lock();
        for (let i = 0; i < count; i++) tx.unsafeDelete(bucket, keys[i]);
        tx.unlock();
        return tx.commit();
      },
      getMany(keys, count, results) {
        const view = backend.concurrentReadTx();
        for (let i = 0; i < count; i++) results[i] = view.unsafeGet(bucket, keys[i]);
        view.runlock();
      },
      scan(isReverse, visit) {
        const view = backend.concurrentReadTx();
        if (isReverse) for (const [key, value] of view.unsafeIterate(bucket, { reverse: true })) visit(key, value);
        else view.unsafeForEach(bucket, visit);
        view.runlock();
      },
      seek(key, count) {
        const view = backend.concurrentReadTx();
        const found = view.unsafeRange(bucket, key, afterAllKeys, count).keys.length;
        view.runlock();
        return found;
      },
      compact: () => backend.defrag(),
      async backup(target) {
        const snapshot = await backend.snapshot();
        const through = new PassThrough();
        const written = pipeline(through, createWriteStream(`${target}.tar`));
        await snapshot.writeTo(through);
        through.end();
        await written;
        await snapshot.close();
      },
      flush: () => backend.forceCommit(),
      close: () => backend.close(),
    };
  },
};
