import { existsSync } from 'node:fs';
import type { Writable } from 'node:stream';
import { type Snapshot, restoreSnapshot } from 'varve';
import { expect, test } from 'vitest';
import { expectRejection, freshPath, open } from '../contract/support/harness.js';

async function writeTo(target: unknown): Promise<unknown> {
  const snapshot: Snapshot = await (await open()).snapshot();
  return snapshot.writeTo(target as Writable);
}

// The first was a TypeError of our own code.
test.each([
  ['nothing', undefined, 'undefined'],
  ['an empty object', {}, 'an object'],
  ['no writer', 7, '7'],
])('a target whose getWriter gives %s is VARVE_INVALID_ARGUMENT that says so', async (_what, writer, told) => {
  const error = await expectRejection(() => writeTo({ getWriter: () => writer }), 'VARVE_INVALID_ARGUMENT');
  expect(error.message).toContain(`getWriter gave ${told}`);
});

test('a target whose getWriter throws is VARVE_IO with its error', async () => {
  const cause = new Error('mine');
  const throws = (): never => {
    throw cause;
  };
  expect((await expectRejection(() => writeTo({ getWriter: throws }), 'VARVE_IO')).cause).toBe(cause);
});

test('a WritableStream that is locked is VARVE_INVALID_ARGUMENT that says so, and stays locked to its owner', async () => {
  const target = new WritableStream<Uint8Array>();
  const writer = target.getWriter();
  const error = await expectRejection(() => writeTo(target), 'VARVE_INVALID_ARGUMENT');
  expect(error.message).toContain('locked');
  await writer.write(new Uint8Array(1));
  await writer.close();
});

test.each([
  ['a string', 'a secret', 'a string of 8 characters'],
  ['a number', 7, '7'],
  ['nothing', undefined, 'undefined'],
  ['other bytes', new ArrayBuffer(8), 'an object (ArrayBuffer)'],
])(
  'a source that yields %s is VARVE_INVALID_ARGUMENT that says so; it is ended, and nothing is left',
  async (_what, piece, told) => {
    let ended = false;
    async function* source(): AsyncGenerator<unknown> {
      try {
        yield new Uint8Array(100);
        yield piece;
      } finally {
        ended = true;
      }
    }
    const path = freshPath();
    const pieces = source() as AsyncGenerator<Uint8Array>;
    const error = await expectRejection(() => restoreSnapshot(pieces, path), 'VARVE_INVALID_ARGUMENT');
    expect(error.message).toContain(told);
    expect(error.message).not.toContain('secret');
    expect([ended, existsSync(path)]).toEqual([true, false]);
  },
);

test('a source that throws an error of ours is VARVE_IO with that as cause', async () => {
  const cause = await expectRejection(() => restoreSnapshot(7 as unknown as string, freshPath()), 'VARVE_INVALID_ARGUMENT');
  async function* source(): AsyncGenerator<Uint8Array> {
    yield new Uint8Array(100);
    throw cause;
  }
  expect((await expectRejection(() => restoreSnapshot(source(), freshPath()), 'VARVE_IO')).cause).toBe(cause);
});
