/**
 * What a workload may ask of a store. Each store answers with its own fastest public calls for binary keys and values.
 *
 *   open ─▶ putBatch, put, deleteBatch, getMany, scan, seek … ─▶ close
 *
 * Rules that make the figures comparable:
 * 1. What a call has acknowledged (it returned, or its promise resolved) is with the operating system, so that it survives the
 *    death of the process; with `isDurable` it was synced too. The one exception is `putVisible`, which promises that
 *    the values can be read at once.
 * 2. Keys and values that are given may be used again by the caller when the call is acknowledged. What is handed out is a Buffer of its own.
 * 3. A call that is synchronous in the store is synchronous here: it returns undefined or the result, and no promise.
 */

/**
 * @typedef {object} StoreSettings
 * @property {string} directory made by the store where it is missing
 * @property {boolean} isDurable whether each acknowledged write is synced
 * @property {number} cacheBytes what the store may keep of its files in memory; a store that maps its file has no such setting
 * @property {object} [config] for varve alone: options of openBackend to try
 */

/**
 * @typedef {object} Store
 * @property {(keys: Buffer[], values: Buffer[], count: number) => void | Promise<void>} putBatch all or nothing
 * @property {(keys: Buffer[], values: Buffer[], count: number) => void | Promise<void>} putVisible all or nothing, visible when it is acknowledged
 * @property {(keys: Buffer[], count: number) => void | Promise<void>} deleteBatch
 * @property {(keys: Buffer[], count: number, results: (Buffer | undefined)[]) => void | Promise<void>} getMany into `results`
 * @property {(isReverse: boolean, visit: (key: Buffer, value: Buffer) => void) => void | Promise<void>} scan
 * @property {(key: Buffer, count: number) => number | Promise<number>} seek entries read from `key` on, `count` at most
 * @property {() => void | Promise<void>} [compact] what the store has for reclaiming space
 * @property {(target: string) => void | Promise<void>} [backup] a consistent copy of the open store
 * @property {() => Promise<void>} flush everything that was put is as durable as this store makes it
 * @property {() => void | Promise<void>} close
 */

/**
 * @typedef {object} StoreKind
 * @property {string} name
 * @property {string} version
 * @property {boolean} canSync whether its API has a write that is synced
 * @property {boolean} isCompressed with the settings used here
 * @property {string} settings in words, for the page
 * @property {string} better what it does better than varve, for the page
 * @property {(settings: StoreSettings) => Promise<Store>} open
 */

export {};
