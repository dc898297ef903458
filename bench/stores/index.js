/** All stores, varve first. A store that is not installed is refused with a word on how to install it. */

/** @type {Record<string, () => Promise<import('./store.js').StoreKind>>} */
const loaders = {
  varve: async () => (await import('./varve.js')).varve,
  'classic-level': async () => (await import('./classic-level.js')).classicLevel,
  lmdb: async () => (await import('./lmdb.js')).lmdb,
  'better-sqlite3': async () => (await import('./better-sqlite3.js')).betterSqlite3,
  'rocksdb-native': async () => (await import('./rocksdb-native.js')).rocksdbNative,
  'bare-loop': async () => (await import('./bare-loop.js')).bareLoop,
};

/** Names of all stores, in the order of tables and plots; the bare loop is measured where a workload names it. */
export const storeNames = Object.keys(loaders);

/**
 * @param {string} name
 * @returns {Promise<import('./store.js').StoreKind>}
 */
export async function loadStore(name) {
  try {
    return await loaders[name]();
  } catch (error) {
    if (error?.code !== 'ERR_MODULE_NOT_FOUND') throw error;
    throw new Error(`${name} is not installed: npm run bench:install`, { cause: error });
  }
}
