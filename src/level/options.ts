/**
 * Options of a VarveLevel: those of ClassicLevel where they mean something here, and those of varve; turned into a BackendConfig.
 *
 * | ClassicLevel                                                | here                                                           |
 * | createIfMissing, errorIfExists                              | the same                                                       |
 * | compression: true, false                                    | 'auto', 'none'                                                 |
 * | cacheSize                                                   | cacheBytes                                                     |
 * | writeBufferSize                                             | memtableBytes, from 64 KiB to 1 GiB as in LevelDB              |
 * | blockSize, maxOpenFiles, blockRestartInterval, maxFileSize  | nothing: they tune what is not there                           |
 * | multithreading: true                                        | refused: one thread has the database                           |
 *
 * Where an option is given under both names, that of varve holds.
 */
import type { BackendConfig } from '../api.js';
import { invalidArgument } from '../errors.js';
import { memtableBytesMax } from '../limits.js';
import type {
  AbstractBatchOptions,
  AbstractDatabaseOptions,
  AbstractDelOptions,
  AbstractOpenOptions,
  AbstractPutOptions,
  Transcoder,
} from './abstract-base.js';

/** Options of `open`. */
export interface OpenOptions extends AbstractOpenOptions {
  /** true: `'auto'`; false: `'none'`. Default `'auto'`: zstd where there is a codec and it pays. */
  compression?: boolean | BackendConfig['compression'] | undefined;
  /** One budget in bytes for cached blocks, filters and indexes. Default 64 MiB. */
  cacheBytes?: number | undefined;
  /** ClassicLevel's name for cacheBytes. */
  cacheSize?: number | undefined;
  /** Bytes of one memtable, and so of one log file. Default 32 MiB. */
  memtableBytes?: number | undefined;
  /** ClassicLevel's name for memtableBytes; what is out of range is brought into it. */
  writeBufferSize?: number | undefined;
  /** What compaction is tuned for. Default `'balanced'`. */
  compaction?: BackendConfig['compaction'] | undefined;
  /** Longest time in milliseconds that a write without `sync` waits until it is made durable; 0: at once. Default 100. */
  batchIntervalMs?: number | undefined;
  /** Operations at which a write starts a commit. Default 10,000. */
  batchLimit?: number | undefined;
  /** Open without the right to write: nothing on disk changes. Default false. */
  readOnly?: boolean | undefined;
  /** Skip every fsync: a crash of the machine may lose or damage the database. Default false. */
  unsafeNoFsync?: boolean | undefined;
  /** Of ClassicLevel; without meaning here. */
  blockSize?: number | undefined;
  /** Of ClassicLevel; without meaning here. */
  maxOpenFiles?: number | undefined;
  /** Of ClassicLevel; without meaning here. */
  blockRestartInterval?: number | undefined;
  /** Of ClassicLevel; without meaning here. */
  maxFileSize?: number | undefined;
  /** Of ClassicLevel; true is refused. */
  multithreading?: boolean | undefined;
}

/** Options of the constructor. */
export interface DatabaseOptions<K, V> extends AbstractDatabaseOptions<K, V>, Omit<OpenOptions, 'passive'> {}

/** What every writing call takes. */
export interface WriteOptions {
  /** Resolve only when the write is durable. Default false: it is visible, and durable soon. */
  sync?: boolean | undefined;
}

/** Options of `put`. */
export interface PutOptions<K, V> extends AbstractPutOptions<K, V>, WriteOptions {}
/** Options of `del`. */
export interface DelOptions<K> extends AbstractDelOptions<K>, WriteOptions {}
/** Options of `batch`. */
export interface BatchOptions<K, V> extends AbstractBatchOptions<K, V>, WriteOptions {}

/** Options of `approximateSize` and `compactRange`. */
export interface StartEndOptions<K> {
  /** Encoding of `start` and `end`. */
  keyEncoding?: string | Transcoder.PartialEncoder<K> | undefined;
}

/** LevelDB's own bounds of a write buffer. */
const writeBufferBytesMin = 64 * 1024;

/** The configuration of the backend; it checks the values that it takes. Throws VARVE_INVALID_ARGUMENT. */
export function toBackendConfig(path: string, options: OpenOptions): BackendConfig {
  const { compression, cacheBytes, cacheSize, memtableBytes, writeBufferSize, multithreading } = options;
  if (multithreading === true) {
    throw invalidArgument('multithreading is not possible: a database belongs to the one thread that opened it');
  }
  const given = {
    path,
    createIfMissing: options.createIfMissing,
    readOnly: options.readOnly,
    unsafeNoFsync: options.unsafeNoFsync,
    compaction: options.compaction,
    batchIntervalMs: options.batchIntervalMs,
    batchLimit: options.batchLimit,
    compression: typeof compression === 'boolean' ? (compression ? 'auto' : 'none') : compression,
    cacheBytes: cacheBytes ?? cacheSize,
    memtableBytes: memtableBytes ?? clipped(writeBufferSize),
  };
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as unknown as BackendConfig;
}

function clipped(writeBufferSize: number | undefined): number | undefined {
  return typeof writeBufferSize !== 'number'
    ? writeBufferSize
    : Math.max(writeBufferBytesMin, Math.min(memtableBytesMax, writeBufferSize));
}
