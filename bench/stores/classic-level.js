/** classic-level: LevelDB under the interface of Level. */
import { ClassicLevel } from 'classic-level';
import { installedVersion } from './version.js';

/** Entries that an iterator hands over at a time. */
const entriesPerStep = 1000;

/** @type {import('./store.js').StoreKind} */
export const classicLevel = {
  name: 'classic-level',
  version: installedVersion('classic-level'),
  canSync: true,
  isCompressed: true,
  settings: 'view encoding; writeBufferSize 32 MiB; snappy (its default); batch(), getSync(), iterator.nextv(1000)',
  better: 'Its file format is that of LevelDB, which other languages read.',
  async open({ directory, isDurable, cacheBytes }) {
    const db = new ClassicLevel(directory, {
      keyEncoding: 'buffer',
      valueEncoding: 'buffer',
      cacheSize: cacheBytes,
      writeBufferSize: 32 * 1024 * 1024,
    });
    await db.open();
    const sync = isDurable;
    return {
      putBatch(keys, values, count) {
        const operations = new Array(count);
        for (let i = 0; i < count; i++) operations[i] = { type: 'put', key: keys[i], value: values[i] };
        return db.batch(operations, { sync });
      },
      putVisible(keys, values, count) {
        return count === 1 ? db.put(keys[0], values[0], { sync }) : this.putBatch(keys, values, count);
      },
      deleteBatch(keys, count) {
        const operations = new Array(count);
        for (let i = 0; i < count; i++) operations[i] = { type: 'del', key: keys[i] };
        return db.batch(operations, { sync });
      },
      getMany(keys, count, results) {
        for (let i = 0; i < count; i++) results[i] = db.getSync(keys[i]);
      },
      async scan(isReverse, visit) {
        const iterator = db.iterator({ reverse: isReverse, highWaterMarkBytes: 256 * 1024 });
        for (;;) {
          const entries = await iterator.nextv(entriesPerStep);
          if (entries.length === 0) break;
          for (let i = 0; i < entries.length; i++) visit(entries[i][0], entries[i][1]);
        }
        await iterator.close();
      },
      async seek(key, count) {
        const entries = await db.iterator({ gte: key, limit: count }).all();
        return entries.length;
      },
      compact: () => db.compactRange(Buffer.alloc(0), Buffer.alloc(64, 0xff)),
      async flush() {},
      close: () => db.close(),
    };
  },
};
