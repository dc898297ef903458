/**
 * varve/etcd: reads what etcd wrote. The whole public interface of this entry; types, limits and errors: api.ts.
 */
import { systemEnvironment } from '../engine/environment.js';
import { followLinks } from '../env/outside-files.js';
import { resolvePath } from '../env/path.js';
import type { EtcdEntry, EtcdImportOptions, EtcdReadOptions, EtcdStatus } from './api.js';
import { importInto } from './import.js';
import { checkPath, importSettings, readSettings } from './read-options.js';
import { Reading } from './reading.js';

export type { EtcdChecksumRule, EtcdEntry, EtcdImportOptions, EtcdReadOptions, EtcdStatus } from './api.js';

/** Where the file is that the caller names. A link to a snapshot is as good as the snapshot. */
function locate(file: string): string {
  checkPath(file, 'file is the name of a file');
  return followLinks(resolvePath(file));
}

/**
 * etcdctl: snapshot status. Reads the whole file, checks it, and resolves with its figures: those that etcd 3.4 and 3.5 give. It writes nothing.
 */
export async function etcdSnapshotStatus(file: string, options: EtcdReadOptions = {}): Promise<EtcdStatus> {
  const settings = readSettings(options);
  const reading = new Reading(systemEnvironment, locate(file), settings);
  try {
    await reading.verify();
    return await reading.content(() => {});
  } finally {
    reading.close();
  }
}

/**
 * Makes a database of what the file holds, and resolves with the figures of `etcdSnapshotStatus` when it is there as a whole, durable and closed:
 * `openBackend({ path })` opens it, and its `hash()` is the one told.
 *
 * The target must be missing or an empty directory, else VARVE_INVALID_ARGUMENT. It is written beside the target, or in it under a name of its
 * own, read back, compared, synced and moved: where anything fails (damage in the file, an abort, a full disk: VARVE_NO_SPACE) what was made
 * is removed again. A process that is killed meanwhile leaves a directory whose name begins with `restoring`, and no database. There is no import
 * into a backend that is open, since it could not be all or nothing: for that, put what `etcdEntries` gives.
 */
export async function importEtcd(file: string, options: EtcdImportOptions): Promise<EtcdStatus> {
  const settings = importSettings(options);
  return importInto(systemEnvironment, locate(file), options, settings);
}

/**
 * The entries of the file, bucket by bucket in the order of names and keys; a bucket without keys does not show. The file is opened by the first
 * `next`, its SHA-256 checked before the first entry, and it is closed after the last entry, by an error, and where the loop is left early.
 *
 * Damage that lies behind an entry shows after it: what was given until then is no proof that the file is whole.
 */
export function etcdEntries(file: string, options: EtcdReadOptions = {}): AsyncGenerator<EtcdEntry, void, undefined> {
  const settings = readSettings(options);
  checkPath(file, 'file is the name of a file');
  return readEntries(file, settings);
}

async function* readEntries(file: string, settings: ReturnType<typeof readSettings>): AsyncGenerator<EtcdEntry, void, undefined> {
  const reading = new Reading(systemEnvironment, locate(file), settings);
  try {
    await reading.verify();
    yield* reading.entries();
  } finally {
    reading.close();
  }
}
