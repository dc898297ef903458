/** lmdb: a B+ tree in a memory map, through lmdb-js. */
import { join } from 'node:path';
import { open } from 'lmdb';
import { installedVersion } from './version.js';

/** @type {import('./store.js').StoreKind} */
export const lmdb = {
  name: 'lmdb',
  version: installedVersion('lmdb'),
  canSync: true,
  isCompressed: false,
  settings: 'binary keys and values; noSync where nothing is synced; a batch is one transactionSync(); getBinary(), getRange()',
  better: 'Several processes read and write one database at once. Hot reads come out of the map without a copy of a block.',
  async open({ directory, isDurable }) {
    const db = open({
      path: join(directory, 'data.mdb'),
      keyEncoding: 'binary',
      encoding: 'binary',
      noSync: !isDurable,
      overlappingSync: false,
      mapSize: 16 * 2 ** 30,
    });
    return {
      putBatch(keys, values, count) {
        db.transactionSync(() => {
          for (let i = 0; i < count; i++) db.putSync(keys[i], values[i]);
        });
      },
      putVisible(keys, values, count) {
        if (count === 1) db.putSync(keys[0], values[0]);
        else this.putBatch(keys, values, count);
      },
      deleteBatch(keys, count) {
        db.transactionSync(() => {
          for (let i = 0; i < count; i++) db.removeSync(keys[i]);
        });
      },
      getMany(keys, count, results) {
        for (let i = 0; i < count; i++) results[i] = db.getBinary(keys[i]);
      },
      scan(isReverse, visit) {
        for (const { key, value } of db.getRange({ reverse: isReverse })) visit(key, value);
      },
      seek(key, count) {
        let found = 0;
        for (const entry of db.getRange({ start: key, limit: count })) if (entry.value !== undefined) found++;
        return found;
      },
      backup: (target) => db.backup(target),
      flush: () => db.flushed,
      close: () => db.close(),
    };
  },
};
