/**
 * varve: a log-structured merge engine with the interface of etcd's `backend` package.
 */
export type {
  Backend,
  BackendConfig,
  BackendStats,
  BatchTx,
  BytesInput,
  IgnoreKey,
  IterateOptions,
  RangeResult,
  ReadTx,
  Snapshot,
  VerifyReport,
} from './api.js';
export {
  openBackend,
  openDefaultBackend,
  openDefaultTmpBackend,
  openTmpBackend,
  restoreSnapshot,
  verify,
} from './backend/open-backend.js';
export { VarveError, type VarveErrorCode } from './errors.js';
export { defaultBackendConfig } from './options.js';
