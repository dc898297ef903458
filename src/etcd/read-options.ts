/** Options of the calls of `varve/etcd`: checked, with their defaults, before anything is opened. */
import { checkFunction } from '../backend/input.js';
import { checkSignal } from '../backend/snapshot.js';
import { invalidArgument } from '../errors.js';
import { describe } from '../options.js';
import type { EtcdChecksumRule, EtcdImportOptions, EtcdReadOptions } from './api.js';

const rules: readonly EtcdChecksumRule[] = ['require', 'verify-if-present', 'skip'];

/** Options that were checked. */
export interface ReadSettings {
  readonly checksum: EtcdChecksumRule;
  readonly signal: AbortSignal | undefined;
  readonly onProgress: ((done: number, total: number) => void) | undefined;
}

/** Those of an import, likewise. */
export interface ImportSettings extends ReadSettings {
  readonly onCheck?: ((done: number, total: number) => void) | undefined;
}

/** Refuses what is no name of a file or directory. */
export function checkPath(path: unknown, name: string): asserts path is string {
  if (typeof path !== 'string' || path === '' || path.includes('\0')) throw invalidArgument(`${name}, not ${describe(path)}`);
}

/** Checks the options of a reading. Throws VARVE_INVALID_ARGUMENT. */
export function readSettings(options: EtcdReadOptions): ReadSettings {
  if (typeof options !== 'object' || options === null)
    throw invalidArgument(`the options are an object, not ${describe(options)}`);
  const { checksum = 'verify-if-present', signal, onProgress } = options;
  if (!rules.includes(checksum)) throw invalidArgument(`checksum is one of ${rules.join(', ')}, not ${describe(checksum)}`);
  checkSignal(signal);
  if (onProgress !== undefined) checkFunction(onProgress, 'onProgress');
  return { checksum, signal, onProgress };
}

/** Checks the options of an import but for those of a backend. Throws VARVE_INVALID_ARGUMENT. */
export function importSettings(options: EtcdImportOptions): ImportSettings {
  const settings = readSettings(options);
  const { path, onCheck } = options;
  checkPath(path, 'path is the name of a directory');
  if (onCheck !== undefined) checkFunction(onCheck, 'onCheck');
  return { ...settings, onCheck };
}
