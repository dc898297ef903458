/**
 * The public interface as its users' compilers see it: every export of every entry, and the types that they work with.
 *
 * The compiler is the judge (`npm run check:types`); the lists of names are looked at while running too.
 */
import type { Writable } from 'node:stream';
import * as varve from 'varve';
import type {
  Backend,
  BackendConfig,
  BackendStats,
  BatchTx,
  BytesInput,
  CommitMessage,
  CompactionMessage,
  ErrorMessage,
  FlushMessage,
  IterateOptions,
  ReadTx,
  Snapshot,
  StallKind,
  StallMessage,
  VarveErrorCode,
  VarveErrorDetails,
} from 'varve';
import * as etcd from 'varve/etcd';
import type { EtcdChecksumRule, EtcdEntry, EtcdImportOptions, EtcdReadOptions, EtcdStatus } from 'varve/etcd';
import * as level from 'varve/level';
import { describe, expect, expectTypeOf, test } from 'vitest';

/** Names of values, known to the compiler and to the running program. */
function expectExports<Name extends string>(entry: Record<Name, unknown>, names: readonly Name[]): void {
  expect(Object.keys(entry).sort()).toEqual([...names].sort());
}

describe('what the entries export', () => {
  test('varve', () => {
    const names = [
      'VarveError',
      'defaultBackendConfig',
      'openBackend',
      'openDefaultBackend',
      'openDefaultTmpBackend',
      'openTmpBackend',
      'prometheusContentType',
      'prometheusText',
      'restoreSnapshot',
      'verify',
    ] as const;
    expectTypeOf<keyof typeof varve>().toEqualTypeOf<(typeof names)[number]>();
    expectExports(varve, names);
    expectTypeOf(varve.openBackend).toEqualTypeOf<(config: BackendConfig) => Promise<Backend>>();
    expectTypeOf(varve.openDefaultBackend).toEqualTypeOf<(path: string) => Promise<Backend>>();
    expectTypeOf(varve.openTmpBackend).parameters.toEqualTypeOf<[batchIntervalMs: number, batchLimit: number]>();
    expectTypeOf(varve.openTmpBackend).returns.resolves.toEqualTypeOf<{ backend: Backend; path: string }>();
    expectTypeOf(varve.openDefaultTmpBackend).toEqualTypeOf<() => Promise<{ backend: Backend; path: string }>>();
    expectTypeOf(varve.restoreSnapshot).parameters.toEqualTypeOf<[AsyncIterable<Uint8Array> | string, string]>();
    expectTypeOf(varve.verify).returns.resolves.toEqualTypeOf<varve.VerifyReport>();
    expectTypeOf(varve.prometheusContentType).toExtend<string>();
    expectTypeOf(varve.prometheusText).toBeCallableWith({} as Backend);
    expectTypeOf(varve.prometheusText).returns.toEqualTypeOf<string>();
  });

  test('varve/level', () => {
    const names = ['LevelError', 'VarveLevel', 'levelBucketName'] as const;
    expectTypeOf<keyof typeof level>().toEqualTypeOf<(typeof names)[number]>();
    expectExports(level, names);
  });

  test('varve/etcd', () => {
    const names = ['etcdEntries', 'etcdSnapshotStatus', 'importEtcd'] as const;
    expectTypeOf<keyof typeof etcd>().toEqualTypeOf<(typeof names)[number]>();
    expectExports(etcd, names);
    expectTypeOf(etcd.etcdSnapshotStatus).toEqualTypeOf<(file: string, options?: EtcdReadOptions) => Promise<EtcdStatus>>();
    expectTypeOf(etcd.importEtcd).toEqualTypeOf<(file: string, options: EtcdImportOptions) => Promise<EtcdStatus>>();
    expectTypeOf(etcd.etcdEntries).returns.toEqualTypeOf<AsyncGenerator<EtcdEntry, void, undefined>>();
    expectTypeOf<EtcdEntry>().toExtend<[Buffer, Buffer, Buffer]>();
    expectTypeOf<[Buffer, Buffer, Buffer]>().toExtend<EtcdEntry>();
    expectTypeOf<EtcdChecksumRule>().toEqualTypeOf<'require' | 'verify-if-present' | 'skip'>();
    expectTypeOf<EtcdImportOptions>().toExtend<EtcdReadOptions>();
    expectTypeOf<EtcdImportOptions['path']>().toEqualTypeOf<string>();
    expectTypeOf<EtcdStatus['checksum']>().toEqualTypeOf<'verified' | 'absent' | 'skipped'>();
  });
});

describe('a configuration', () => {
  test('needs a path and nothing else', () => {
    expectTypeOf<{ path: string }>().toExtend<BackendConfig>();
    expectTypeOf<{ batchLimit: number }>().not.toExtend<BackendConfig>();
    expectTypeOf<{ path: Buffer }>().not.toExtend<BackendConfig>();
    // @ts-expect-error a name that is written wrong is seen
    const misspelt: BackendConfig = { path: 'a', batchlimit: 1 };
    expect(misspelt.path).toBe('a');
  });

  test('with exactOptionalPropertyTypes an option is given or left out: undefined is neither', () => {
    const limit = undefined as number | undefined;
    // @ts-expect-error a user with that flag is told here, one without it is not; running, undefined is the default
    const refused: BackendConfig = { path: 'a', batchLimit: limit };
    const taken: BackendConfig = { path: 'a', ...(limit === undefined ? {} : { batchLimit: limit }) };
    expect([refused.path, taken.path]).toEqual(['a', 'a']);
  });

  test('the defaults spell every option out, and make a configuration with a path', () => {
    const defaults = varve.defaultBackendConfig();
    expectTypeOf(defaults.batchLimit).toEqualTypeOf<number>();
    expectTypeOf(defaults.compression).toEqualTypeOf<'auto' | 'zstd' | 'none'>();
    expectTypeOf(defaults.compaction).toEqualTypeOf<'balanced' | 'read' | 'write' | 'space'>();
    expectTypeOf(defaults).not.toHaveProperty('path');
    expectTypeOf({ ...defaults, path: 'a' }).toExtend<BackendConfig>();
  });
});

describe('transactions', () => {
  test('bytes are given as text, Buffer or Uint8Array, and got as Buffer', () => {
    expectTypeOf<string>().toExtend<BytesInput>();
    expectTypeOf<Buffer>().toExtend<BytesInput>();
    expectTypeOf<Uint8Array>().toExtend<BytesInput>();
    expectTypeOf<number[]>().not.toExtend<BytesInput>();
    expectTypeOf<ArrayBuffer>().not.toExtend<BytesInput>();
    expectTypeOf<ReadTx['unsafeGet']>().returns.toEqualTypeOf<Buffer | undefined>();
    expectTypeOf<ReadTx['unsafeBuckets']>().returns.toEqualTypeOf<Buffer[]>();
    expectTypeOf<ReadTx['unsafeRange']>().toBeCallableWith('b', 'k');
    expectTypeOf<ReadTx['unsafeRange']>().toBeCallableWith('b', 'k', null, 5);
  });

  test('a reader cannot write; a writer reads', () => {
    expectTypeOf<ReadTx>().not.toHaveProperty('unsafePut');
    expectTypeOf<ReadTx>().not.toHaveProperty('commit');
    expectTypeOf<BatchTx>().toExtend<ReadTx>();
    expectTypeOf<Backend['batchTx']>().returns.toEqualTypeOf<BatchTx>();
    expectTypeOf<BatchTx['acquire']>().returns.resolves.toEqualTypeOf<Disposable>();
    expectTypeOf<BatchTx>().toExtend<Disposable>();
  });

  test('a walk gives pairs', () => {
    expectTypeOf<ReadTx['unsafeIterate']>().returns.toEqualTypeOf<IterableIterator<[key: Buffer, value: Buffer]>>();
    expectTypeOf<ReadTx['unsafeIterate']>().toBeCallableWith('b', { gte: 'a', lt: Buffer.of(1), reverse: true, limit: 3 });
    expectTypeOf<{ from: string }>().not.toExtend<IterateOptions>();
    expectTypeOf<ReadTx['unsafeForEach']>().parameter(1).toEqualTypeOf<(key: Buffer, value: Buffer) => void>();
  });

  test('update and view give what their function gives', () => {
    const use = (backend: Backend): void => {
      expectTypeOf(backend.update((tx) => tx.unsafeGet('b', 'k'))).toEqualTypeOf<Buffer | undefined>();
      expectTypeOf(backend.view((tx) => tx.unsafeBuckets().length)).toEqualTypeOf<number>();
      backend.update((tx) => expectTypeOf(tx).toEqualTypeOf<BatchTx>());
      backend.view((tx) => expectTypeOf(tx).toEqualTypeOf<ReadTx>());
    };
    expect(use).toBeTypeOf('function');
  });
});

describe('around a backend', () => {
  test('backends and snapshots are disposed of asynchronously', () => {
    expectTypeOf<Backend>().toExtend<AsyncDisposable>();
    expectTypeOf<Snapshot>().toExtend<AsyncDisposable>();
    expectTypeOf<Backend['snapshot']>().returns.resolves.toEqualTypeOf<Snapshot>();
  });

  test("a snapshot goes to Node's streams and to those of the web", () => {
    expectTypeOf<Snapshot['writeTo']>().parameter(0).toEqualTypeOf<Writable | WritableStream<Uint8Array>>();
    expectTypeOf<Snapshot['writeTo']>().returns.resolves.toEqualTypeOf<number>();
    expectTypeOf<Snapshot['writeTo']>().toBeCallableWith({} as Writable, { signal: new AbortController().signal });
  });

  test('statistics are numbers', () => {
    expectTypeOf<BackendStats['levels']>().items.toEqualTypeOf<{ files: number; bytes: number; runs: number }>();
    expectTypeOf<BackendStats['stalls']>().toEqualTypeOf<{ count: number; totalMs: number }>();
    expectTypeOf<Exclude<keyof BackendStats, 'levels' | 'cache' | 'stalls' | 'commitLatencyMs'>>().toExtend<
      { [Name in keyof BackendStats]: BackendStats[Name] extends number ? Name : never }[keyof BackendStats]
    >();
  });

  test('a message of a channel names its database and is not to be changed', () => {
    type Message = FlushMessage | CompactionMessage | StallMessage | CommitMessage | ErrorMessage;
    expectTypeOf<Message['database']>().toEqualTypeOf<string>();
    expectTypeOf<StallMessage>().toEqualTypeOf<Readonly<StallMessage>>();
    expectTypeOf<StallKind>().toEqualTypeOf<'slowed' | 'waiting' | 'blocked'>();
    expectTypeOf<ErrorMessage['origin']>().toEqualTypeOf<'flush' | 'compaction' | 'poison'>();
  });
});

describe('errors', () => {
  /** Compiles only as long as every code has its case. */
  function kindOf(code: VarveErrorCode): 'call' | 'state' | 'disk' | 'defect' {
    switch (code) {
      case 'VARVE_INVALID_ARGUMENT':
      case 'VARVE_LIMIT':
      case 'VARVE_BUCKET_NOT_FOUND':
        return 'call';
      case 'VARVE_TX_LOCKED':
      case 'VARVE_TX_NOT_LOCKED':
      case 'VARVE_STOPPED':
      case 'VARVE_CLOSED':
      case 'VARVE_READ_ONLY':
      case 'VARVE_ABORTED':
        return 'state';
      case 'VARVE_NOT_FOUND':
      case 'VARVE_LOCKED':
      case 'VARVE_CORRUPTION':
      case 'VARVE_UNSUPPORTED_VERSION':
      case 'VARVE_IO':
      case 'VARVE_NO_SPACE':
      case 'VARVE_POISONED':
        return 'disk';
      case 'VARVE_ASSERTION':
        return 'defect';
      default:
        return code satisfies never;
    }
  }

  test('a code can be switched on, and the compiler knows when all cases are there', () => {
    expect(kindOf('VARVE_NO_SPACE')).toBe('disk');
  });

  test('an error has a code, and may have a file and an offset', () => {
    const error: unknown = new varve.VarveError('VARVE_IO', 'nothing happened');
    if (!(error instanceof varve.VarveError)) throw error;
    expectTypeOf(error.code).toEqualTypeOf<VarveErrorCode>();
    expectTypeOf(error.file).toEqualTypeOf<string | undefined>();
    expectTypeOf(error.offset).toEqualTypeOf<number | undefined>();
    expectTypeOf(error).toExtend<Error>();
    expectTypeOf<VarveErrorDetails>().toExtend<ErrorOptions>();
    // @ts-expect-error no such code
    expect(new varve.VarveError('VARVE_OTHER', '').code).toBe('VARVE_OTHER');
  });
});
