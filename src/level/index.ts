/**
 * varve/level: a database of abstract-level on varve, in the place of ClassicLevel. What is not exported here may change at any time.
 */
import { levelBucketName as bucketName } from '../limits.js';

/** The bucket that holds the data of a VarveLevel. */
export const levelBucketName = bucketName;

export { LevelError } from './level-error.js';
export type { ChainedBatch, ChainedBatchWriteOptions } from './chained-batch.js';
export type { LevelIterator, LevelKeyIterator, LevelValueIterator } from './iterators.js';
export type {
  BatchOptions,
  DatabaseOptions,
  DelOptions,
  OpenOptions,
  PutOptions,
  StartEndOptions,
  WriteOptions,
} from './options.js';
export type { LevelSnapshot } from './snapshot.js';
export { VarveLevel } from './varve-level.js';
