/** rocksdb-native: RocksDB, with batches of reads and writes. */
import RocksDB from 'rocksdb-native';
import { installedVersion } from './version.js';

/** Entries that an iterator fetches at a time. */
const entriesPerStep = 1000;

/** @type {import('./store.js').StoreKind} */
export const rocksdbNative = {
  name: 'rocksdb-native',
  version: installedVersion('rocksdb-native'),
  canSync: false,
  isCompressed: false,
  settings: 'defaults; one write batch for each batch of puts, one read batch for each group of reads; iterator capacity 1000',
  better: 'Column families, and compaction in several threads.',
  async open({ directory }) {
    const db = new RocksDB(directory);
    await db.ready();
    return {
      async putBatch(keys, values, count) {
        const batch = db.write({ capacity: count });
        for (let i = 0; i < count; i++) batch.tryPut(keys[i], values[i]);
        await batch.flush();
        batch.destroy();
      },
      putVisible(keys, values, count) {
        return count === 1 ? db.put(keys[0], values[0]) : this.putBatch(keys, values, count);
      },
      async deleteBatch(keys, count) {
        const batch = db.write({ capacity: count });
        for (let i = 0; i < count; i++) batch.tryDelete(keys[i]);
        await batch.flush();
        batch.destroy();
      },
      async getMany(keys, count, results) {
        const batch = db.read({ capacity: count });
        const promises = new Array(count);
        for (let i = 0; i < count; i++) promises[i] = batch.get(keys[i]);
        await batch.flush();
        for (let i = 0; i < count; i++) results[i] = (await promises[i]) ?? undefined;
        batch.destroy();
      },
      async scan(isReverse, visit) {
        for await (const { key, value } of db.iterator({ reverse: isReverse, capacity: entriesPerStep })) visit(key, value);
      },
      async seek(key, count) {
        let found = 0;
        for await (const entry of db.iterator({ gte: key, limit: count, capacity: count })) if (entry.value !== null) found++;
        return found;
      },
      compact: () => db.compactRange(),
      async flush() {},
      close: () => db.close(),
    };
  },
};
