/**
 * varve: a log-structured merge engine with the interface of etcd's `backend` package.
 *
 * The whole public interface: what is not exported here may change at any time. Types and what their calls promise: api.ts. Errors: errors.ts.
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
export { prometheusContentType, prometheusText } from './backend/prometheus-text.js';
export type { CommitMessage, CompactionMessage, ErrorMessage, FlushMessage, StallKind, StallMessage } from './engine/observer.js';
export { VarveError, type VarveErrorCode, type VarveErrorDetails } from './errors.js';
export { defaultBackendConfig } from './options.js';
