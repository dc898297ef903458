/**
 * A chained batch: operations gathered one by one, written as one section.
 *
 * Invariant: bytes of the caller's are copied when they are added, so that buffers may be used again before `write`.
 */
import type { BytesInput } from '../api.js';
import type { StoreOperation } from '../backend/bucket-store.js';
import { AbstractChainedBatch, type AbstractChainedBatchWriteOptions } from './abstract-base.js';
import type { EncodedInput } from './encoded.js';

/** Options of writing a chained batch. */
export interface ChainedBatchWriteOptions extends AbstractChainedBatchWriteOptions {
  /** Resolve only when the batch is durable. Default false. */
  sync?: boolean | undefined;
}

/**
 * Writes operations, all or none; with `sync` it waits until they are durable.
 *
 * @internal
 */
export type WriteOperations = (operations: readonly StoreOperation[], sync: boolean) => Promise<void> | undefined;

/** Operations gathered one by one and written together, all or none: what `batch()` without arguments gives. */
export class ChainedBatch<TDatabase, KDefault, VDefault> extends AbstractChainedBatch<TDatabase, KDefault, VDefault> {
  private operations: StoreOperation[] = [];

  /** @internal */
  constructor(
    db: TDatabase,
    private readonly writeOperations: WriteOperations,
  ) {
    super(db);
  }

  /** Writes what was gathered and closes the batch. */
  override write(options: ChainedBatchWriteOptions = {}): Promise<void> {
    return super.write(options);
  }

  /** @internal */
  _put(key: EncodedInput, value: EncodedInput): void {
    this.operations.push({ type: 'put', key: ownBytes(key), value: ownBytes(value) });
  }

  /** @internal */
  _del(key: EncodedInput): void {
    this.operations.push({ type: 'del', key: ownBytes(key) });
  }

  /** @internal */
  _clear(): void {
    this.operations = [];
  }

  /** @internal */
  _write(options: ChainedBatchWriteOptions): Promise<void> | undefined {
    return this.writeOperations(this.operations, options.sync === true);
  }

  /** @internal */
  _close(): void {
    this.operations = [];
  }
}

const ownBytes = (bytes: EncodedInput): BytesInput => (typeof bytes === 'string' ? bytes : Buffer.from(bytes));
