/**
 * The public interfaces: what a caller of the package may rely on. Types only; `index.ts` exports them.
 *
 * Origin: the Go package `backend` of etcd, the interface of its MVCC storage, with the later additions that its users rely on. Where
 * etcd has a known quirk, this says what holds here.
 *
 * Said once for all: sizes are bytes, times milliseconds. What is given is copied before the call returns, and stays the caller's; what is
 * handed out is the caller's to keep. Errors of the library are VarveError; beside those that a comment names, every call may throw
 * VARVE_INVALID_ARGUMENT for an argument of a wrong kind, VARVE_CLOSED after `close`, and, where it reads from disk, VARVE_IO,
 * VARVE_CORRUPTION (with `file` and, where known, `offset`) and VARVE_UNSUPPORTED_VERSION. Calls that give a promise reject, and never throw.
 */
import type { Writable } from 'node:stream';

/**
 * Bytes given to the library, which copies what it keeps. A string stands for its UTF-8 bytes (a lone surrogate for U+FFFD).
 * Anything else throws VARVE_INVALID_ARGUMENT.
 */
export type BytesInput = Uint8Array | string;

/**
 * What `openBackend` is given. Values out of range (negative, NaN, not whole, a memtable under 16 KiB) throw VARVE_INVALID_ARGUMENT, naming
 * the option and its range.
 */
export interface BackendConfig {
  /**
   * Directory of the database. Created with its parents (mode 0700) where missing. A path that is no directory is VARVE_IO; a
   * directory that holds something else than a database is VARVE_NOT_FOUND with createIfMissing false, else VARVE_INVALID_ARGUMENT. etcd: Path.
   */
  path: string;
  /** Longest time in milliseconds that an unlocked write waits for its commit; 0: commit at every unlock. Default 100. etcd: BatchInterval. */
  batchIntervalMs?: number;
  /**
   * Pending operations at which `unlock` starts a commit; 0: at every unlock. Default 10_000. Every create, delete and put since the last
   * commit started counts one, also where it changes nothing; what onPreCommit writes does not count. etcd: BatchLimit.
   */
  batchLimit?: number;
  /**
   * One budget in bytes for cached blocks, filters and indexes; 0 keeps nothing. Default 64 MiB. What does not fit is read again. Takes the
   * place of etcd's MmapSize.
   */
  cacheBytes?: number;
  /**
   * Bytes of one memtable, its index included, and so about those of one log file. Default 32 MiB; 16 KiB to 1 GiB. Up to four are in
   * memory. Tables are closed at about twice as much. A section may be larger: it is kept whole in memory until it ends.
   */
  memtableBytes?: number;
  /**
   * Compression of tables that are written from now on; those that are there stay readable. Default 'auto': zstd where a codec is available, for
   * each block where it saves an eighth or more. 'zstd': the same, but without a codec VARVE_INVALID_ARGUMENT at open.
   */
  compression?: 'auto' | 'zstd' | 'none';
  /** What compaction is tuned for: few runs to read, little rewriting, or little garbage. May differ from open to open. Default 'balanced'. */
  compaction?: 'balanced' | 'read' | 'write' | 'space';
  /** Skip every fsync: a crash of the machine may lose or corrupt the database. Default false. etcd: UnsafeNoFsync. */
  unsafeNoFsync?: boolean;
  /**
   * Open without the right to write; nothing on disk changes, a log that was left is read into memory. No database there: VARVE_NOT_FOUND.
   * Each write throws VARVE_READ_ONLY, and so does defrag; commit resolves; snapshot and hash work. Needs the directory as a writer
   * does (VARVE_LOCKED), but works on a read-only medium. Default false.
   */
  readOnly?: boolean;
  /** false: fail with VARVE_NOT_FOUND where no database exists. Default true. */
  createIfMissing?: boolean;
  /**
   * Called inside the write lock just before each commit (an explicit one runs it even with nothing pending); it may put. If it throws,
   * what it wrote is undone, the commit rejects with that error, and the sections stay pending. With a hook set, a commit
   * that falls due while a section is open starts at that section's end. etcd: Hooks.OnPreCommitUnsafe.
   */
  onPreCommit?: (tx: BatchTx) => void;
}

/**
 * An open database. It does not keep the process alive; an unlocked write that waits for its commit does. Leaving without close loses only
 * what was not committed. Every error of the library's own is a VarveError; what callbacks, sources and targets throw is passed on
 * as it is, or as the cause where a code is named.
 */
export interface Backend extends AsyncDisposable {
  /** The shared read transaction: between `rlock` and `runlock` its view stands still; outside, it is the newest unlocked state. */
  readTx(): ReadTx;
  /** A read transaction of its own: its view is the unlocked state at this call, until `runlock` (or disposal). Never blocks. */
  concurrentReadTx(): ReadTx;
  /** The one write transaction. */
  batchTx(): BatchTx;

  /**
   * Runs `fn` holding the write lock, then unlocks. A throw undoes everything that `fn` wrote, and is rethrown. `fn` is synchronous:
   * where it returns a thenable the section is undone and VARVE_INVALID_ARGUMENT thrown. `fn` must not end the section itself.
   */
  update<T>(fn: (tx: BatchTx) => T): T;
  /** Runs `fn` over one consistent view, which ends with it. Synchronous likewise. */
  view<T>(fn: (tx: ReadTx) => T): T;

  /**
   * Commits, then pins the committed state. Later writes, compaction and defrag do not show in it. Its files stay on disk until it is closed,
   * by the caller or with the backend. Rejects as `commit` does.
   */
  snapshot(): Promise<Snapshot>;
  /**
   * CRC-32C over the committed content, the number that etcd 3.4's Hash gives: for each bucket in name order its name, then for
   * each key in order the key and the value, no separators; keys in `ignores` are left out, none without it. Does not commit. An unsigned
   * 32-bit number. Reads everything, in slices between which the event loop goes on.
   */
  hash(ignores?: Iterable<IgnoreKey>): Promise<number>;
  /** Bytes on disk: the sum of the sizes of the files in the directory, logs included. */
  size(): number;
  /** Estimate of what size() would be after defrag(), at rest within a factor of 2; never more than size(). */
  sizeInUse(): number;
  /** Read views open now: concurrent read transactions, snapshots, and one for the shared transaction while locked, however deep. */
  openReadTxN(): number;
  /** Commits that wrote something since this backend was opened. */
  commits(): number;
  /**
   * Commits, then compacts everything: afterwards no overwritten or deleted key or value that nobody pins is left in any file. Blocks
   * neither reads nor writes. Calls during one join it. `signal` ends this call with VARVE_ABORTED, and the work when nobody else waits for it.
   * `onProgress` is told bytes read and bytes to be read. Where the work fails: VARVE_IO, VARVE_NO_SPACE or VARVE_CORRUPTION, and the
   * backend goes on; VARVE_READ_ONLY with readOnly.
   */
  defrag(options?: { signal?: AbortSignal; onProgress?: (done: number, total: number) => void }): Promise<void>;
  /** As batchTx().commit(). */
  forceCommit(): Promise<void>;
  /**
   * Rolls an open section back (waiting `acquire` calls reject with VARVE_CLOSED), commits, stops background work, releases the directory.
   * Idempotent. Waits neither for views nor for snapshots: they end. Afterwards every call, theirs too, throws VARVE_CLOSED, except
   * runlock, unlock, dispose and close, which are nothing.
   */
  close(): Promise<void>;
  /**
   * Counters since the open and gauges of now, cheap to read.
   */
  stats(): BackendStats;
}

/** A key that `hash` leaves out; the name of its bucket still counts. */
export interface IgnoreKey {
  /** Name of its bucket. */
  bucket: BytesInput;
  /** The key itself. */
  key: BytesInput;
}

/** A value of its own at each call. Bytes and milliseconds. Later versions add more. */
export interface BackendStats {
  /** Levels 0 to 6: tables, their bytes on disk, and the sorted runs that they form. */
  levels: { files: number; bytes: number; runs: number }[];
  /** Bytes in memtables now, their indexes included. */
  memtableBytes: number;
  /** Keys and values of puts in sections that were unlocked, counted at unlock. */
  userBytesWritten: number;
  /** Written to logs since open. */
  walBytesWritten: number;
  /** Tables written by flushes since open. */
  flushBytesWritten: number;
  /** Tables written by compactions since open; those that were only moved do not count. */
  compactionBytesWritten: number;
  /** Bytes written to disk (logs, flushes, compactions) for each byte of `userBytesWritten`; 0 before the first. */
  writeAmplification: number;
  /** From the start of a commit to its durability, of commits that had something to wait for. Quantiles within 0.1 %. */
  commitLatencyMs: { count: number; p50: number; p99: number; max: number };
  /** Bytes held now; blocks found in the cache; blocks, filters and indexes that were read from a file. */
  cache: { bytes: number; hits: number; misses: number };
  /**
   * How often a writer was held up because background work was behind, and for how long in all: commits whose acknowledgement was held back,
   * and sections that were blocked.
   */
  stalls: { count: number; totalMs: number };
  /** Memtables that were flushed. */
  flushes: number;
  /** Compactions that were done, moves included. */
  compactions: number;
  /** As `commits()`. */
  commits: number;
  /** Flushes and compactions that failed and were tried again. */
  backgroundFailures: number;
  /** Blocks that compaction copied as they are. */
  blocksCopied: number;
  /** Tables that compaction moved without reading them. */
  tablesMoved: number;
}

/**
 * Reads of one state. Keys are ordered by unsigned bytes. A bucket is named by 1 to 32_768 bytes; buckets are ordered by name.
 * Every Buffer handed out is the caller's to keep: later writes, compaction or the caller's own scribbling change
 * neither it nor the database. Length limits apply to puts; elsewhere a key beyond them is one that does not exist.
 */
export interface ReadTx extends Disposable {
  /** Shared transaction: `rlock` fixes the view until its matching `runlock` (they nest); without rlock, runlock throws VARVE_TX_NOT_LOCKED. */
  rlock(): void;
  /** On a concurrent transaction: ends it (again: nothing); reading through it afterwards throws VARVE_CLOSED. Disposal is one runlock. */
  runlock(): void;
  /** As rlock. */
  lock(): void;
  /** As runlock. */
  unlock(): void;
  /**
   * Keys k with key <= k < endKey in order, at most `limit` of them (limit <= 0 or absent: all). Without endKey
   * (absent, null or empty): the one key equal to `key`. A bucket that does not exist reads as empty.
   */
  unsafeRange(bucket: BytesInput, key: BytesInput, endKey?: BytesInput | null, limit?: number): RangeResult;
  /** The value of one key, or undefined. */
  unsafeGet(bucket: BytesInput, key: BytesInput): Buffer | undefined;
  /**
   * Visits the whole bucket in key order. A throw in the visitor stops the walk and is rethrown. Missing bucket: no visit. During a
   * walk of the batch transaction the visited key may be deleted (etcd does); other writes to that bucket may or may not be seen.
   */
  unsafeForEach(bucket: BytesInput, visitor: (key: Buffer, value: Buffer) => void): void;
  /**
   * Lazy and synchronous: reads the state at the call, whatever is written meanwhile. Errors of arguments and state are thrown by the call itself;
   * next() after the transaction, section or backend ended throws as a read would. Leaving the loop early releases everything.
   */
  unsafeIterate(bucket: BytesInput, options?: IterateOptions): IterableIterator<[key: Buffer, value: Buffer]>;
  /** Names of the buckets, in order. */
  unsafeBuckets(): Buffer[];
}

/** What a range read found: the n-th value belongs to the n-th key. The arrays and buffers are the caller's. */
export interface RangeResult {
  /** Keys, in order. */
  keys: Buffer[];
  /** Their values, at the same places. */
  vals: Buffer[];
}

/** Bounds and direction of a walk. Of two bounds on one side the tighter holds; an empty bound is the empty key; limit as in unsafeRange. */
export interface IterateOptions {
  /** Keys from this one on. */
  gte?: BytesInput;
  /** Keys above this one. */
  gt?: BytesInput;
  /** Keys up to this one. */
  lte?: BytesInput;
  /** Keys below this one. */
  lt?: BytesInput;
  /** From the last key to the first. Default false. */
  reverse?: boolean;
  /** Entries at most. */
  limit?: number;
}

/**
 * A section runs from `lock` to `unlock`. Inside it the writer sees its own writes; at `unlock` they become visible to
 * readers, all at once; at the next commit they become durable, all or nothing, never split over two commits.
 * Every unsafe* call outside a section throws VARVE_TX_NOT_LOCKED, and so do unlock and rollback. A missing bucket throws
 * VARVE_BUCKET_NOT_FOUND in range, get, put and delete (etcd: fatal), and reads as empty in forEach and iterate.
 * rlock and runlock throw VARVE_INVALID_ARGUMENT here (etcd panics). Disposal unlocks an open section and is otherwise nothing.
 * commit, forceCommit, snapshot and defrag never wait for an open section and never contain it (onPreCommit apart).
 */
export interface BatchTx extends ReadTx {
  /** Begins a section. Throws VARVE_TX_LOCKED where one is open: waiting here would stop the event loop for ever. */
  lock(): void;
  /** Ends the section; starts a commit where batchLimit is reached. */
  unlock(): void;
  /**
   * Waits its turn (first come, first served), then begins a section; dispose what it gives, or `unlock`, to end it (disposing after the section
   * ended is nothing). At unlock the lock passes to the first waiter at once: until that one ends, lock and update throw VARVE_TX_LOCKED.
   */
  acquire(): Promise<Disposable>;
  /** Undoes what this section wrote so far and ends it. */
  rollback(): void;
  /** Creating a bucket that exists is no error. Empty name: VARVE_INVALID_ARGUMENT; longer than 32_768 bytes: VARVE_LIMIT. */
  unsafeCreateBucket(name: BytesInput): void;
  /** Deletes a bucket and all its keys in constant time. A missing one throws VARVE_BUCKET_NOT_FOUND. */
  unsafeDeleteBucket(name: BytesInput): void;
  /**
   * Key 1 to 32_768 bytes, value 0 bytes to 1 GiB; otherwise VARVE_LIMIT, and nothing is written. The first write of a section may block while
   * background work is behind; where that fails again and again it throws that error, with nothing written.
   */
  unsafePut(bucket: BytesInput, key: BytesInput, value: BytesInput): void;
  /**
   * As unsafePut; etcd's hint that keys arrive in ascending order. Here every put finds that out by itself, so both calls cost the same. Any order
   * is correct.
   */
  unsafeSeqPut(bucket: BytesInput, key: BytesInput, value: BytesInput): void;
  /** Deleting a missing key is no error. */
  unsafeDelete(bucket: BytesInput, key: BytesInput): void;
  /**
   * Commits everything unlocked before the call; resolves when it is durable. Commits in flight are grouped. Where the log or the manifest cannot be
   * written or synced: VARVE_IO or VARVE_NO_SPACE for those that wait, VARVE_POISONED from then on. What onPreCommit throws is passed on.
   */
  commit(): Promise<void>;
  /** As commit; afterwards lock and reads work, each write throws VARVE_STOPPED, commit resolves. */
  commitAndStop(): Promise<void>;
}

/** A snapshot streams as a plain tar of a database directory: `tar -xf` into an empty directory gives one that opens. */
export interface Snapshot extends AsyncDisposable {
  /** Exactly the bytes that writeTo will write. Known before the first one. */
  size(): number;
  /**
   * Writes the whole snapshot, minding back-pressure; resolves with the bytes written. Ends neither the target nor the snapshot; may be
   * called again, also after an abort (VARVE_ABORTED). A target that fails or closes early: VARVE_IO with its error as cause. The
   * pieces that it writes are not used again.
   */
  writeTo(target: Writable | WritableStream<Uint8Array>, options?: { signal?: AbortSignal }): Promise<number>;
  /** Lets go of the files. Idempotent. A `writeTo` that is under way rejects with VARVE_CLOSED, as every later call does. */
  close(): Promise<void>;
}

/** What `verify` found. */
export interface VerifyReport {
  /** Whether there are no problems. */
  ok: boolean;
  /** The file's name without its directory, where in it in bytes, and what is wrong. */
  problems: { file: string; offset?: number; message: string }[];
  /** Files that were read: CURRENT, the manifest, tables and logs. */
  files: number;
  /** Bytes of those files. */
  bytes: number;
  /** Stored records, tombstones included. */
  entries: number;
}
