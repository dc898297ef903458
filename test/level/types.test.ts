/**
 * Types: those of keys and values come from the class, those of a call from its encodings. The compiler is the judge.
 */
import type { BackendStats } from 'varve';
import type { VarveLevel } from 'varve/level';
import { expectTypeOf, test } from 'vitest';
import { freshPath, level } from './support.js';

test('keys and values are strings where nothing else is said', () => {
  const db = level();
  expectTypeOf(db).toEqualTypeOf<VarveLevel<string, string>>();
  expectTypeOf(db.get('a')).toEqualTypeOf<Promise<string | undefined>>();
  expectTypeOf(db.getSync).toBeCallableWith('a');
  expectTypeOf(db.location).toEqualTypeOf<string>();
});

test('generics are the types of every call', () => {
  interface Fruit {
    colour: string;
  }
  const db = level<number, Fruit>(freshPath(), { keyEncoding: 'json', valueEncoding: 'json' });
  expectTypeOf(db.get(1)).toEqualTypeOf<Promise<Fruit | undefined>>();
  expectTypeOf(db.getMany([1])).toEqualTypeOf<Promise<(Fruit | undefined)[]>>();
  expectTypeOf(db.iterator().next()).toEqualTypeOf<Promise<[number, Fruit] | undefined>>();
  expectTypeOf(db.keys({ gte: 1 }).all()).toEqualTypeOf<Promise<number[]>>();
  expectTypeOf(db.values().all()).toEqualTypeOf<Promise<Fruit[]>>();
  expectTypeOf(db.put).toBeCallableWith(1, { colour: 'red' });
  expectTypeOf(db.put<number, Fruit>).toBeCallableWith(1, { colour: 'red' }, { sync: true });
  expectTypeOf(db.del<number>).toBeCallableWith(1, { sync: true });
  // @ts-expect-error a key is a number here
  expectTypeOf(db.get('a')).toExtend<Promise<unknown>>();
  // @ts-expect-error sync is true or false
  expectTypeOf(db.put(1, { colour: 'red' }, { sync: 'yes' })).toExtend<Promise<void>>();
});

test('additional methods have types of their own', () => {
  expectTypeOf<VarveLevel['approximateSize']>().toBeCallableWith('a', 'b');
  expectTypeOf<VarveLevel['hash']>().returns.toEqualTypeOf<Promise<number>>();
  expectTypeOf<VarveLevel['backup']>().returns.toEqualTypeOf<Promise<number>>();
  expectTypeOf<VarveLevel['stats']>().returns.toEqualTypeOf<BackendStats>();
  expectTypeOf<VarveLevel['compactRange']>().returns.toEqualTypeOf<Promise<void>>();
});
