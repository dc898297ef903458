/**
 * The error class, and every kind of thing that is not what it should be.
 */
import { type Backend, type BytesInput, VarveError } from 'varve';
import { describe, expect, test } from 'vitest';
import { everything, putAll, unlockedContent } from './support/content.js';
import { expectCode, expectRejection, freshPath, open } from './support/harness.js';

/** Things that are no bytes, given by a caller without types. */
const noBytes: [what: string, value: unknown][] = [
  ['undefined', undefined],
  ['null', null],
  ['a number', 7],
  ['a bigint', 7n],
  ['a boolean', true],
  ['an object', {}],
  ['an array', [1, 2]],
  ['an ArrayBuffer', new ArrayBuffer(3)],
  ['a DataView', new DataView(new ArrayBuffer(3))],
  ['a Uint16Array', new Uint16Array(3)],
  ['a String object', new String('k')],
  ['a function', () => 'k'],
  ['a symbol', Symbol('k')],
];

describe('the error class', () => {
  test('is an Error with a closed code, a name, a message and a stack', async () => {
    const error = await expectRejection(async () => (await open()).batchTx().unlock(), 'VARVE_TX_NOT_LOCKED');
    expect(error).toBeInstanceOf(Error);
    expect(error).toBeInstanceOf(VarveError);
    expect(error.message).toBeTypeOf('string');
    expect(error.stack).toContain('errors-and-bad-input');
  });

  test('has the error beneath as its cause', async () => {
    const { writeFileSync } = await import('node:fs');
    const path = freshPath();
    writeFileSync(path, 'a file');
    const error = await expectRejection(() => open({ path: `${path}/db` }), 'VARVE_IO');
    if (error.cause !== undefined) expect(error.cause).toBeInstanceOf(Error);
  });
});

describe.each(noBytes)('%s', (_what, value) => {
  const wrong = value as BytesInput;

  test('is VARVE_INVALID_ARGUMENT as a bucket, a key and a value, and writes nothing', async () => {
    const backend = await open();
    putAll(backend, 'b', [['k', 'v']]);
    backend.update((tx) => {
      const calls = [
        () => tx.unsafeCreateBucket(wrong),
        () => tx.unsafeDeleteBucket(wrong),
        () => tx.unsafePut(wrong, 'k', 'v'),
        () => tx.unsafePut('b', wrong, 'v'),
        () => tx.unsafePut('b', 'k', wrong),
        () => tx.unsafeSeqPut(wrong, 'k', 'v'),
        () => tx.unsafeSeqPut('b', wrong, 'v'),
        () => tx.unsafeSeqPut('b', 'k', wrong),
        () => tx.unsafeDelete(wrong, 'k'),
        () => tx.unsafeDelete('b', wrong),
      ];
      for (const call of calls) expectCode(call, 'VARVE_INVALID_ARGUMENT');
      expect(everything(tx)).toEqual([['b', [['k', 'v']]]]);
    });
    expect(unlockedContent(backend)).toEqual([['b', [['k', 'v']]]]);
  });

  test('is VARVE_INVALID_ARGUMENT in every read of every transaction', async () => {
    const backend = await open();
    putAll(backend, 'b', [['k', 'v']]);
    backend.batchTx().lock();
    for (const reader of [backend.batchTx(), backend.readTx(), backend.concurrentReadTx()]) {
      const calls = [
        () => reader.unsafeRange(wrong, 'k'),
        () => reader.unsafeRange('b', wrong),
        () => reader.unsafeRange('b', wrong, 'z'),
        () => reader.unsafeGet(wrong, 'k'),
        () => reader.unsafeGet('b', wrong),
        () => reader.unsafeForEach(wrong, () => {}),
        () => reader.unsafeIterate(wrong),
      ];
      for (const call of calls) expectCode(call, 'VARVE_INVALID_ARGUMENT');
      if (value === undefined || value === null) continue;
      expectCode(() => reader.unsafeRange('b', 'k', wrong), 'VARVE_INVALID_ARGUMENT');
      expectCode(() => reader.unsafeIterate('b', { gte: wrong }), 'VARVE_INVALID_ARGUMENT');
    }
    backend.batchTx().unlock();
  });
});

describe('an error changes nothing', () => {
  test('a section goes on after each kind of refusal', async () => {
    const backend = await open();
    backend.update((tx) => {
      tx.unsafeCreateBucket('b');
      tx.unsafePut('b', 'before', '1');
      expectCode(() => tx.unsafePut('b', '', 'v'), 'VARVE_LIMIT');
      expectCode(() => tx.unsafePut('missing', 'k', 'v'), 'VARVE_BUCKET_NOT_FOUND');
      expectCode(() => tx.unsafeCreateBucket(''), 'VARVE_INVALID_ARGUMENT');
      expectCode(() => tx.unsafeDeleteBucket('missing'), 'VARVE_BUCKET_NOT_FOUND');
      expectCode(() => tx.lock(), 'VARVE_TX_LOCKED');
      expectCode(() => tx.rlock(), 'VARVE_INVALID_ARGUMENT');
      tx.unsafePut('b', 'after', '2');
    });
    await backend.forceCommit();
    expect(unlockedContent(backend)).toEqual([
      [
        'b',
        [
          ['after', '2'],
          ['before', '1'],
        ],
      ],
    ]);
  });

  test('messages carry no bytes of keys and values', async () => {
    const backend = await open();
    const secret = 'a secret of the user';
    const errors = [
      expectCode(() => putAll(backend, 'b', [[secret.repeat(2000), secret]]), 'VARVE_LIMIT'),
      expectCode(() => backend.update((tx) => tx.unsafePut('missing', secret, secret)), 'VARVE_BUCKET_NOT_FOUND'),
    ];
    for (const error of errors) expect(error.message).not.toContain(secret);
  });
});

describe('functions that are none', () => {
  test('are VARVE_INVALID_ARGUMENT, and leave nothing locked', async () => {
    const backend = await open();
    for (const none of [undefined, null, 7, 'fn', {}]) {
      expectCode(() => backend.update(none as unknown as () => void), 'VARVE_INVALID_ARGUMENT');
      expectCode(() => backend.view(none as unknown as () => void), 'VARVE_INVALID_ARGUMENT');
    }
    expect(backend.openReadTxN()).toBe(0);
    putAll(backend, 'b', []);
  });
});

describe('names that objects have', () => {
  const names = ['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'valueOf', 'then'];

  async function filled(): Promise<Backend> {
    const backend = await open();
    for (const bucket of names)
      putAll(
        backend,
        bucket,
        names.map((key) => [key, `${bucket}/${key}`] as const),
      );
    return backend;
  }

  test('are buckets and keys like any other', async () => {
    const backend = await filled();
    for (const place of ['memory', 'tables']) {
      for (const bucket of names) {
        for (const key of names) expect(backend.readTx().unsafeGet(bucket, key)?.toString(), place).toBe(`${bucket}/${key}`);
        expect(backend.readTx().unsafeGet(bucket, 'prototype')).toBeUndefined();
      }
      await backend.defrag();
    }
    expect(backend.readTx().unsafeGet('prototype', 'constructor')).toBeUndefined();
    expect(backend.readTx().unsafeBuckets().map(String)).toEqual([...names].sort());
  });
});
