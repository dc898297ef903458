/** better-sqlite3: one table of SQLite, without row ids, in WAL mode. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { installedVersion } from './version.js';

/** @type {import('./store.js').StoreKind} */
export const betterSqlite3 = {
  name: 'better-sqlite3',
  version: installedVersion('better-sqlite3'),
  canSync: true,
  isCompressed: false,
  settings:
    'WAL; synchronous OFF where nothing is synced, else FULL; a table WITHOUT ROWID; cache_size as for all, mmap_size 256 MiB; prepared statements',
  better: 'It is SQL: indexes, joins, several processes, a file format for decades, tools everywhere.',
  async open({ directory, isDurable, cacheBytes }) {
    mkdirSync(directory, { recursive: true });
    const db = new Database(join(directory, 'data.sqlite'));
    db.pragma('journal_mode = WAL');
    db.pragma(`synchronous = ${isDurable ? 'FULL' : 'OFF'}`);
    db.pragma(`cache_size = -${Math.max(1024, Math.floor(cacheBytes / 1024))}`);
    db.pragma('mmap_size = 268435456');
    db.exec('CREATE TABLE IF NOT EXISTS entries (key BLOB PRIMARY KEY, value BLOB) WITHOUT ROWID');
    const insert = db.prepare('INSERT OR REPLACE INTO entries VALUES (?, ?)');
    const remove = db.prepare('DELETE FROM entries WHERE key = ?');
    const select = db.prepare('SELECT value FROM entries WHERE key = ?').pluck();
    const ascending = db.prepare('SELECT key, value FROM entries ORDER BY key').raw();
    const descending = db.prepare('SELECT key, value FROM entries ORDER BY key DESC').raw();
    const range = db.prepare('SELECT key, value FROM entries WHERE key >= ? ORDER BY key LIMIT ?').raw();
    const putAll = db.transaction((keys, values, count) => {
      for (let i = 0; i < count; i++) insert.run(keys[i], values[i]);
    });
    const removeAll = db.transaction((keys, count) => {
      for (let i = 0; i < count; i++) remove.run(keys[i]);
    });
    return {
      putBatch(keys, values, count) {
        putAll(keys, values, count);
      },
      putVisible(keys, values, count) {
        if (count === 1) insert.run(keys[0], values[0]);
        else putAll(keys, values, count);
      },
      deleteBatch(keys, count) {
        removeAll(keys, count);
      },
      getMany(keys, count, results) {
        for (let i = 0; i < count; i++) results[i] = select.get(keys[i]);
      },
      scan(isReverse, visit) {
        for (const [key, value] of (isReverse ? descending : ascending).iterate()) visit(key, value);
      },
      seek: (key, count) => range.all(key, count).length,
      compact: () => {
        db.exec('VACUUM');
        db.pragma('wal_checkpoint(TRUNCATE)');
      },
      async backup(target) {
        await db.backup(`${target}.sqlite`);
      },
      async flush() {},
      close: () => {
        db.close();
      },
    };
  },
};
