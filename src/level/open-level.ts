/**
 * Opening a VarveLevel: from its options to a backend and the one bucket of it that Level's keys are in.
 *
 *   options of Level ─▶ a BackendConfig (options.ts) ─▶ errorIfExists? ─▶ backend ─▶ its bucket, made where it is missing
 *
 * Invariants:
 * 1. Where it fails nothing stays open.
 * 2. What is thrown is a LevelError; a database that is not there is told in words of Level.
 */
import type { EngineBackend } from '../backend/backend.js';
import type { BucketStore } from '../backend/bucket-store.js';
import { databaseExists, openEngineBackend } from '../backend/open-backend.js';
import { VarveError } from '../errors.js';
import { levelBucketName } from '../limits.js';
import { asLevelError, LevelError } from './level-error.js';
import { type OpenOptions, toBackendConfig } from './options.js';

/** What an open VarveLevel works on. */
export interface OpenedLevel {
  readonly backend: EngineBackend;
  readonly store: BucketStore;
}

/** Opens or creates the database in the directory `location`. */
export async function openLevel(location: string, options: OpenOptions): Promise<OpenedLevel> {
  try {
    const config = toBackendConfig(location, options);
    if (options.errorIfExists === true && databaseExists(location)) {
      throw new LevelError('VARVE_INVALID_ARGUMENT', `${location} exists (errorIfExists is true)`);
    }
    const backend = await openEngineBackend(config);
    try {
      return { backend, store: backend.bucketStore(levelBucketName) };
    } catch (error) {
      await backend.close();
      throw error;
    }
  } catch (error) {
    if (error instanceof VarveError && error.code === 'VARVE_NOT_FOUND') {
      throw new LevelError(error.code, `${location} does not exist, or holds no database`, error);
    }
    throw asLevelError(error);
  }
}
