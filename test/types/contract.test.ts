/**
 * The types of the package keep what the contract says (test/fixtures/contract/api.d.ts). The compiler is the judge: `npm run check:types`.
 *
 * What a caller gives (configurations, bytes, callbacks) is assignable from the contract's to ours; what a caller gets, from ours to the
 * contract's. What goes both ways is equal. Only the statistics and the errors' constructor are more than the contract says.
 */
import * as varve from 'varve';
import { expectTypeOf, test } from 'vitest';
import type * as contract from '../fixtures/contract/api.js';

test('what is given and what is got is what the contract says', () => {
  expectTypeOf<varve.BytesInput>().toEqualTypeOf<contract.BytesInput>();
  expectTypeOf<varve.BackendConfig>().toEqualTypeOf<contract.BackendConfig>();
  expectTypeOf<varve.IgnoreKey>().toEqualTypeOf<contract.IgnoreKey>();
  expectTypeOf<varve.IterateOptions>().toEqualTypeOf<contract.IterateOptions>();
  expectTypeOf<varve.RangeResult>().toEqualTypeOf<contract.RangeResult>();
  expectTypeOf<varve.ReadTx>().toEqualTypeOf<contract.ReadTx>();
  expectTypeOf<varve.BatchTx>().toEqualTypeOf<contract.BatchTx>();
  expectTypeOf<varve.Snapshot>().toEqualTypeOf<contract.Snapshot>();
  expectTypeOf<varve.VarveErrorCode>().toEqualTypeOf<contract.VarveErrorCode>();
  expectTypeOf<varve.VerifyReport>().toEqualTypeOf<Awaited<ReturnType<typeof contract.verify>>>();
});

test('a backend is one of the contract, with more statistics', () => {
  expectTypeOf<varve.Backend>().toExtend<contract.Backend>();
  expectTypeOf<Omit<varve.Backend, 'stats'>>().toEqualTypeOf<Omit<contract.Backend, 'stats'>>();
  expectTypeOf<varve.BackendStats>().toExtend<contract.BackendStats>();
  expectTypeOf<contract.BackendStats>().not.toExtend<varve.BackendStats>();
});

test('an error is one of the contract, and the other way round', () => {
  expectTypeOf<varve.VarveError>().toExtend<contract.VarveError>();
  expectTypeOf<contract.VarveError>().toExtend<varve.VarveError>();
});

test('every function of the contract is there and may stand in its place', () => {
  type Functions = Omit<typeof contract, 'VarveError'>;
  expectTypeOf(varve).toExtend<Functions>();
  expectTypeOf<keyof Functions>().toEqualTypeOf<
    | 'defaultBackendConfig'
    | 'openBackend'
    | 'openDefaultBackend'
    | 'openTmpBackend'
    | 'openDefaultTmpBackend'
    | 'restoreSnapshot'
    | 'verify'
  >();
});

test('a program that is written for the types of the contract takes the package', () => {
  const program = async (library: Functions): Promise<number> => {
    const backend: contract.Backend = await library.openBackend({ path: 'a' });
    const onPreCommit = (tx: contract.BatchTx): void => tx.unsafePut('b', 'k', 'v');
    const { backend: second } = await library.openTmpBackend(0, 0);
    await library.openBackend({ path: 'a', onPreCommit });
    return backend.commits() + second.size();
  };
  type Functions = Omit<typeof contract, 'VarveError'>;
  expectTypeOf(program).toBeCallableWith(varve);
});
