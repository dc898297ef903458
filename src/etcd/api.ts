/**
 * The public interface of `varve/etcd`: reading what etcd wrote.
 *
 * A file is a member's `db` (member/snap/db), taken while etcd was stopped, or the output of `etcdctl snapshot save`: pages of bbolt, and
 * behind those of a snapshot the SHA-256 of all of them. Nothing is ever written to it. Memory is bounded by some hundred KiB and the
 * largest single value, whatever the size of the file, and one bit for each of its pages.
 *
 * Every call rejects with
 *
 * | VARVE_INVALID_ARGUMENT    | an argument, or a file that is no bbolt file at all (the message says what is missing)             |
 * | VARVE_NOT_FOUND           | nothing there                                                                                      |
 * | VARVE_UNSUPPORTED_VERSION | a bbolt file of a machine with the other byte order, of another version or with unusual pages      |
 * | VARVE_CORRUPTION          | damage, with `file` and `offset`; a file that was cut off; a SHA-256 that does not fit             |
 * | VARVE_LIMIT               | a value above 1 GiB, or more than 2^29 pages                                                       |
 * | VARVE_ABORTED             | the signal, with its reason as cause                                                               |
 * | VARVE_IO                  | the file cannot be read                                                                            |
 *
 * What is checked of a file without a SHA-256 is its structure: both meta pages, that every page is what its parent says and belongs to
 * one parent, the order of keys, and that nothing lies outside its page. bbolt puts no checksums on pages, so there a changed byte within
 * a value cannot be seen. The list of free pages is not read.
 */
import type { BackendConfig } from '../api.js';

/**
 * What is done about the SHA-256 at the end of a snapshot. `require`: a file without one is refused (VARVE_CORRUPTION), as `etcdctl snapshot
 * restore` does. `verify-if-present`: it is checked where there is one, so a member's `db` is read too. `skip`: it is not looked at.
 */
export type EtcdChecksumRule = 'require' | 'verify-if-present' | 'skip';

/** How a file of etcd is read. */
export interface EtcdReadOptions {
  /** Default 'verify-if-present'. */
  checksum?: EtcdChecksumRule;
  /** Ends the call with VARVE_ABORTED. */
  signal?: AbortSignal;
  /** Told how many bytes of the file were read and how many will be; a file with a SHA-256 is read twice. What it throws ends the call. */
  onProgress?: (done: number, total: number) => void;
}

/** What `etcdctl snapshot status` says of a file, and a little more. */
export interface EtcdStatus {
  /** CRC-32C over names of buckets, keys and values, as an unsigned number: what `Backend.hash` gives for the same content. */
  hash: number;
  /**
   * Main revision of the last key in the bucket `key`. 0 where there is none, or where that key is no revision of etcd (17 bytes, 18 for a
   * deletion, below 2^53).
   */
  revision: number;
  /** Keys in all buckets. */
  totalKey: number;
  /** Bytes of all pages that were ever in use, free ones included. */
  totalSize: number;
  /** Number of buckets, empty ones included. */
  buckets: number;
  /** Bytes of one page. */
  pageSize: number;
  /** Whether the SHA-256 was there and right, was not there, or was not looked at. */
  checksum: 'verified' | 'absent' | 'skipped';
}

/** Where an import goes, and how the database that it makes is written. The last four are as in BackendConfig. */
export interface EtcdImportOptions
  extends EtcdReadOptions, Pick<BackendConfig, 'memtableBytes' | 'compression' | 'compaction' | 'cacheBytes'> {
  /** Directory of the new database: missing, or empty. */
  path: string;
  /** Told, when the file was read, how many of its keys were read back of what was written, and how many will be. What it throws ends the call. */
  onCheck?: (done: number, total: number) => void;
}

/** One key with its value and the name of its bucket: buffers of the caller's own. */
export type EtcdEntry = [bucket: Buffer, key: Buffer, value: Buffer];
