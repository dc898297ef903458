/**
 * The user's configuration: defaults, ranges, and validation into a value that the rest of the library trusts.
 *
 * Invariants:
 * 1. What `resolveOptions` returns is frozen and complete; nothing else reads a BackendConfig.
 * 2. A refused option is named, with what was given and what is allowed, before anything touches the disk.
 */
import type { BackendConfig } from './api.js';
import { invalidArgument } from './errors.js';
import { cacheBytesDefault, memtableBytesDefault, memtableBytesMax, memtableBytesMin } from './limits.js';

export type CompressionSetting = 'auto' | 'zstd' | 'none';
export type CompactionSetting = 'balanced' | 'read' | 'write' | 'space';
export type ResolvedOptions = Readonly<Required<Omit<BackendConfig, 'onPreCommit'>>> & Pick<BackendConfig, 'onPreCommit'>;

const defaults: Required<Omit<BackendConfig, 'path' | 'onPreCommit'>> = {
  batchIntervalMs: 100,
  batchLimit: 10_000,
  cacheBytes: cacheBytesDefault,
  memtableBytes: memtableBytesDefault,
  compression: 'auto',
  compaction: 'balanced',
  unsafeNoFsync: false,
  readOnly: false,
  createIfMissing: true,
};

/** etcd: DefaultBackendConfig. Every default spelled out, `path` apart; a fresh object each time. */
export function defaultBackendConfig(): Required<Omit<BackendConfig, 'path' | 'onPreCommit'>> {
  return { ...defaults };
}

/** A given value as a message shows it: short, and never the content of something large. */
export function describe(value: unknown): string {
  if (typeof value === 'string') return value.length <= 60 ? JSON.stringify(value) : `a string of ${value.length} characters`;
  if (value === null || typeof value === 'number' || typeof value === 'boolean' || typeof value === 'undefined')
    return String(value);
  if (typeof value === 'bigint') return `${value}n`;
  if (ArrayBuffer.isView(value)) return `a ${className(value) ?? 'view'} of ${value.byteLength} bytes`;
  return typeof value === 'object' ? `an object (${className(value) ?? 'without a class'})` : `a ${typeof value}`;
}

/** The name of an object's class, if it has one that can be told: a getter or a proxy may throw instead. */
function className(value: object): string | undefined {
  try {
    const name: unknown = value.constructor?.name;
    return typeof name === 'string' && name !== '' ? name.slice(0, 60) : undefined;
  } catch {
    return undefined;
  }
}

function wholeNumber(name: string, given: unknown, fallback: number, least: number, most: number): number {
  if (given === undefined) return fallback;
  if (typeof given === 'number' && Number.isSafeInteger(given) && given >= least && given <= most) return given;
  throw invalidArgument(`${name} is a whole number from ${least} to ${most}, not ${describe(given)}`);
}

function flag(name: string, given: unknown, fallback: boolean): boolean {
  if (given === undefined) return fallback;
  if (typeof given === 'boolean') return given;
  throw invalidArgument(`${name} is true or false, not ${describe(given)}`);
}

function oneOf<T extends string>(name: string, given: unknown, fallback: T, allowed: readonly T[]): T {
  if (given === undefined) return fallback;
  const found = allowed.find((value) => value === given);
  if (found !== undefined) return found;
  throw invalidArgument(`${name} is one of ${allowed.join(', ')}, not ${describe(given)}`);
}

/** Checks a configuration and fills in what it leaves out. Throws VARVE_INVALID_ARGUMENT. */
export function resolveOptions(config: BackendConfig): ResolvedOptions {
  if (typeof config !== 'object' || config === null)
    throw invalidArgument(`the configuration is an object with a path, not ${describe(config)}`);
  const { path, onPreCommit } = config;
  if (typeof path !== 'string' || path === '' || path.includes('\0')) {
    throw invalidArgument(`path is the name of a directory, not ${describe(path)}`);
  }
  if (onPreCommit !== undefined && typeof onPreCommit !== 'function') {
    throw invalidArgument(`onPreCommit is a function, not ${describe(onPreCommit)}`);
  }
  const most = Number.MAX_SAFE_INTEGER;
  return Object.freeze({
    path,
    batchIntervalMs: wholeNumber('batchIntervalMs', config.batchIntervalMs, defaults.batchIntervalMs, 0, most),
    batchLimit: wholeNumber('batchLimit', config.batchLimit, defaults.batchLimit, 0, most),
    cacheBytes: wholeNumber('cacheBytes', config.cacheBytes, defaults.cacheBytes, 0, most),
    memtableBytes: wholeNumber('memtableBytes', config.memtableBytes, defaults.memtableBytes, memtableBytesMin, memtableBytesMax),
    compression: oneOf<CompressionSetting>('compression', config.compression, defaults.compression, ['auto', 'zstd', 'none']),
    compaction: oneOf<CompactionSetting>('compaction', config.compaction, defaults.compaction, [
      'balanced',
      'read',
      'write',
      'space',
    ]),
    unsafeNoFsync: flag('unsafeNoFsync', config.unsafeNoFsync, defaults.unsafeNoFsync),
    readOnly: flag('readOnly', config.readOnly, defaults.readOnly),
    createIfMissing: flag('createIfMissing', config.createIfMissing, defaults.createIfMissing),
    ...(onPreCommit === undefined ? {} : { onPreCommit }),
  });
}
