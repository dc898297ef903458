/**
 * Keys with all their past, as etcd's mvcc keeps them on top of its backend: every change gets a revision, old ones can be read, and a
 * compaction forgets what came before a revision.
 *
 *   bucket  key                                        value
 *   key     main revision (8) ‖ '_' ‖ sub revision (8)       key and value, JSON
 *           the same ‖ 't'                                   a deletion: the key alone
 *   meta    finishedCompactRev                               the revision that was compacted to
 *
 * The index from keys to revisions is in memory, and made again at every start by reading the bucket in chunks, as etcd does.
 *
 * Run it: node examples/revision-store.js [directory]
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { openBackend } from 'varve';

const revisionBytes = 17;
const restoreChunk = 10_000;
const compactBatch = 1000;
const underscore = 0x5f;

/** @param {number} main @param {number} [sub] @param {boolean} [isTombstone] @returns {Buffer} */
function encodeRevision(main, sub = 0, isTombstone = false) {
  const bytes = Buffer.alloc(revisionBytes + (isTombstone ? 1 : 0), 't');
  bytes.writeBigUInt64BE(BigInt(main), 0);
  bytes[8] = underscore;
  bytes.writeBigUInt64BE(BigInt(sub), 9);
  return bytes;
}

/** @typedef {{ main: number, sub: number, isTombstone: boolean }} Revision */

/** @param {Buffer} bytes @returns {Revision} */
function decodeRevision(bytes) {
  const main = Number(bytes.readBigUInt64BE(0));
  return { main, sub: Number(bytes.readBigUInt64BE(9)), isTombstone: bytes.length > revisionBytes };
}

export class RevisionStore {
  /** @param {string} directory */
  static async open(directory) {
    const backend = await openBackend({ path: directory });
    backend.update((tx) => ['key', 'meta'].forEach((name) => tx.unsafeCreateBucket(name)));
    const store = new RevisionStore(backend);
    store.#restore();
    return store;
  }

  /** @param {import('varve').Backend} backend */
  constructor(backend) {
    this.backend = backend;
    this.revision = 1;
    this.compacted = 0;
    /** @type {Map<string, Revision[]>} oldest first */
    this.index = new Map();
  }

  /**
   * Changes that belong together: one main revision, and a sub revision each. A value of undefined deletes its key.
   * @param {[key: string, value: string | undefined][]} changes
   * @returns {number} the main revision
   */
  transact(changes) {
    const main = this.revision + 1;
    this.backend.update((tx) => {
      changes.forEach(([key, value], sub) => {
        const isTombstone = value === undefined;
        tx.unsafeSeqPut('key', encodeRevision(main, sub, isTombstone), JSON.stringify({ key, value }));
      });
    });
    changes.forEach(([key, value], sub) => this.#note(key, { main, sub, isTombstone: value === undefined }));
    this.revision = main;
    return main;
  }

  /** @param {string} key @param {string} value @returns {number} */
  put(key, value) {
    return this.transact([[key, value]]);
  }

  /** @param {string} key @returns {number} */
  delete(key) {
    return this.transact([[key, undefined]]);
  }

  /**
   * The value of a key as of a revision; the newest where none is given.
   * @param {string} key
   * @param {number} [at]
   * @returns {string | undefined}
   */
  get(key, at = this.revision) {
    if (at < this.compacted) throw new Error(`revision ${at} is compacted: the oldest is ${this.compacted}`);
    const found = this.index.get(key)?.findLast(({ main }) => main <= at);
    if (found === undefined || found.isTombstone) return undefined;
    const stored = this.backend.readTx().unsafeGet('key', encodeRevision(found.main, found.sub));
    return JSON.parse(String(stored)).value;
  }

  /**
   * What changed from a revision on: what a watcher that was away catches up with.
   * @param {number} from
   * @returns {{ revision: number, key: string, value: string | undefined }[]}
   */
  changesFrom(from) {
    const { keys, vals } = this.backend.readTx().unsafeRange('key', encodeRevision(from), encodeRevision(this.revision + 1));
    return keys.map((key, i) => ({ revision: decodeRevision(key).main, ...JSON.parse(String(vals[i])) }));
  }

  /**
   * Forgets what cannot be seen from revision `at` on, a batch a section, so that others write in between.
   * @param {number} at
   * @returns {Promise<number>} how many records went
   */
  async compact(at) {
    const kept = new Set();
    for (const [key, revisions] of this.index) {
      const newest = revisions.findLast(({ main }) => main <= at);
      const rest = revisions.filter((revision) => revision.main > at || (revision === newest && !revision.isTombstone));
      if (newest !== undefined && !newest.isTombstone) kept.add(encodeRevision(newest.main, newest.sub).toString('hex'));
      if (rest.length === 0) this.index.delete(key);
      else this.index.set(key, rest);
    }
    this.compacted = at;
    let gone = 0;
    const end = encodeRevision(at + 1);
    for (let from = encodeRevision(0); ;) {
      const { keys } = this.backend.readTx().unsafeRange('key', from, end, compactBatch);
      const old = keys.filter((key) => !kept.has(key.toString('hex')));
      this.backend.update((tx) => old.forEach((key) => tx.unsafeDelete('key', key)));
      await this.backend.forceCommit();
      gone += old.length;
      if (keys.length < compactBatch) break;
      from = Buffer.concat([keys.at(-1), Buffer.alloc(1)]);
    }
    this.backend.update((tx) => tx.unsafePut('meta', 'finishedCompactRev', encodeRevision(at)));
    await this.backend.forceCommit();
    return gone;
  }

  close() {
    return this.backend.close();
  }

  /** @param {string} key @param {Revision} revision */
  #note(key, revision) {
    const revisions = this.index.get(key);
    if (revisions === undefined) this.index.set(key, [revision]);
    else revisions.push(revision);
  }

  #restore() {
    const tx = this.backend.readTx();
    const compacted = tx.unsafeGet('meta', 'finishedCompactRev');
    if (compacted !== undefined) this.compacted = decodeRevision(compacted).main;
    this.revision = Math.max(1, this.compacted);
    const end = encodeRevision(Number.MAX_SAFE_INTEGER);
    for (let from = encodeRevision(1); ;) {
      const { keys, vals } = tx.unsafeRange('key', from, end, restoreChunk);
      keys.forEach((bytes, i) => {
        const revision = decodeRevision(bytes);
        this.#note(JSON.parse(String(vals[i])).key, revision);
        this.revision = Math.max(this.revision, revision.main);
      });
      if (keys.length < restoreChunk) return;
      from = Buffer.concat([keys.at(-1), Buffer.alloc(1)]);
    }
  }
}

async function main(given) {
  const directory = given ?? mkdtempSync(join(tmpdir(), 'varve-revisions-'));
  let store = await RevisionStore.open(directory);
  store.put('/registry/pods/a', 'pending');
  store.put('/registry/pods/a', 'running');
  store.transact([
    ['/registry/pods/b', 'pending'],
    ['/registry/leases/node', 'held'],
  ]);
  store.delete('/registry/pods/a');
  console.log(`at revision 3 pod a is ${store.get('/registry/pods/a', 3)}, now it is ${store.get('/registry/pods/a')}`);
  console.log(
    `since revision 4: ${store
      .changesFrom(4)
      .map(({ revision, key }) => `${revision} ${key}`)
      .join(', ')}`,
  );

  // What etcd's benchmarks do: many keys overwritten again and again, reads of recent revisions, now and then a compaction.
  for (let round = 0; round < 20_000; round++) store.put(`/registry/leases/${round % 500}`, `renewed ${round}`);
  const gone = await store.compact(store.revision - 1000);
  console.log(`compaction to revision ${store.compacted} removed ${gone} records`);
  const before = store.backend.size();
  await store.backend.defrag();
  console.log(`defrag made it smaller: ${store.backend.size() < before}`);
  await store.close();

  store = await RevisionStore.open(directory);
  console.log(`after reopening: revision ${store.revision}, lease 7 ${store.get('/registry/leases/7')}`);
  await store.close();
  if (given === undefined) rmSync(directory, { recursive: true });
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) await main(process.argv[2]);
