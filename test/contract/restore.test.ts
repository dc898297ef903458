/**
 * Restoring: from streams and files, into targets that are free, with every byte checked on the way.
 */
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { restoreSnapshot, VarveError, verify } from 'varve';
import { describe, expect, test } from 'vitest';
import { numbered, putAll, unlockedContent } from './support/content.js';
import { expectRejection, freshPath, open, temporaryDirectory } from './support/harness.js';
import { inChunks, takeSnapshot } from './support/snapshots.js';
import { membersOf, renamed, type TarMember } from './support/tar.js';

const pairs = numbered(400, 50);

/** Bytes that are no snapshot. */
const noSnapshot = Buffer.alloc(4096, 'no snapshot at all ');

/** The bytes of a snapshot of `pairs` in a bucket b, with what lies in tables and what lies in the log. */
async function sample(): Promise<Buffer> {
  const backend = await open({ memtableBytes: 16_384 });
  putAll(backend, 'b', pairs.slice(0, 300));
  await backend.forceCommit();
  putAll(backend, 'b', pairs.slice(300));
  return takeSnapshot(backend);
}

/** Expects a restore to fail and to leave nothing behind, in the target and beside it. */
async function expectRefused(bytes: Uint8Array, codes: readonly string[] = ['VARVE_CORRUPTION'], what = ''): Promise<void> {
  const parent = temporaryDirectory();
  const path = join(parent, 'restored');
  const error: unknown = await restoreSnapshot(inChunks(bytes), path).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error, what).toBeInstanceOf(VarveError);
  if (error instanceof VarveError) expect(codes, `${what}: ${error.message}`).toContain(error.code);
  expect(readdirSync(parent), what).toEqual([]);
}

describe('a source', () => {
  test.each([1, 511, 512, 513, 65_536, 100_000_000])('in chunks of %d bytes', async (chunkBytes) => {
    const path = freshPath();
    await restoreSnapshot(inChunks(await sample(), chunkBytes), path);
    expect(unlockedContent(await open({ path, createIfMissing: false }))).toEqual([['b', pairs]]);
  });

  test('may give empty chunks, and may be any async iterable', async () => {
    const bytes = await sample();
    const source: AsyncIterable<Uint8Array> = {
      [Symbol.asyncIterator]: () => {
        const chunks = [new Uint8Array(0), bytes.subarray(0, 700), new Uint8Array(0), bytes.subarray(700), new Uint8Array(0)];
        return {
          next: () => {
            const value = chunks.shift();
            return Promise.resolve(value === undefined ? { done: true as const, value } : { done: false as const, value });
          },
        };
      },
    };
    const path = freshPath();
    await restoreSnapshot(source, path);
    expect(unlockedContent(await open({ path }))).toEqual([['b', pairs]]);
  });

  test('may be the name of a file; one that is not there is VARVE_IO', async () => {
    const directory = temporaryDirectory();
    const archive = join(directory, 'snapshot.tar');
    writeFileSync(archive, await sample());
    await restoreSnapshot(archive, join(directory, 'restored'));
    expect(unlockedContent(await open({ path: join(directory, 'restored') }))).toEqual([['b', pairs]]);
    await expectRejection(() => restoreSnapshot(join(directory, 'missing.tar'), join(directory, 'other')), 'VARVE_IO');
    expect(existsSync(join(directory, 'other'))).toBe(false);
  });

  test('that throws is VARVE_IO with what it threw as the cause, and leaves nothing behind', async () => {
    const bytes = await sample();
    const mine = new Error('the line was cut');
    async function* failing(after: number): AsyncGenerator<Uint8Array> {
      yield bytes.subarray(0, after);
      throw mine;
    }
    for (const after of [0, 100, Math.floor(bytes.length / 2), bytes.length]) {
      const parent = temporaryDirectory();
      const error = await expectRejection(() => restoreSnapshot(failing(after), join(parent, 'restored')), 'VARVE_IO');
      expect(error.cause).toBe(mine);
      expect(readdirSync(parent)).toEqual([]);
    }
  });
});

describe('a target', () => {
  test('may be missing with its parents, or be an empty directory', async () => {
    const bytes = await sample();
    for (const path of [join(temporaryDirectory(), 'one', 'two'), temporaryDirectory()]) {
      await restoreSnapshot(inChunks(bytes), path);
      expect((await verify(path)).problems).toEqual([]);
      expect(unlockedContent(await open({ path }))).toEqual([['b', pairs]]);
    }
  });

  test('that holds something, or is a file, is VARVE_INVALID_ARGUMENT and stays as it was', async () => {
    const bytes = await sample();
    const full = temporaryDirectory();
    writeFileSync(join(full, 'letter.txt'), 'dear');
    for (const path of [full, join(full, 'letter.txt')]) {
      await expectRejection(() => restoreSnapshot(inChunks(bytes), path), 'VARVE_INVALID_ARGUMENT');
    }
    expect(readdirSync(full)).toEqual(['letter.txt']);
    const database = freshPath();
    const backend = await open({ path: database });
    putAll(backend, 'mine', []);
    await backend.close();
    await expectRejection(() => restoreSnapshot(inChunks(bytes), database), 'VARVE_INVALID_ARGUMENT');
    expect(unlockedContent(await open({ path: database }))).toEqual([['mine', []]]);
  });

  test('that was an empty directory is one again after a failure', async () => {
    const parent = temporaryDirectory();
    const path = join(parent, 'empty');
    mkdirSync(path);
    await expectRejection(() => restoreSnapshot(inChunks(noSnapshot.subarray(0, 1000)), path), 'VARVE_CORRUPTION');
    expect(readdirSync(path)).toEqual([]);
    expect(readdirSync(parent)).toEqual(['empty']);
  });

  test('is writable afterwards like any database', async () => {
    const path = freshPath();
    await restoreSnapshot(inChunks(await sample()), path);
    const backend = await open({ path });
    putAll(backend, 'b', [
      ['key00000', 'new'],
      ['zzz', 'new'],
    ]);
    await backend.defrag();
    await backend.close();
    const again = await open({ path });
    expect(again.readTx().unsafeGet('b', 'key00000')?.toString()).toBe('new');
    expect(again.readTx().unsafeGet('b', 'key00001')?.toString()).toBe(pairs[1]?.[1]);
  });
});

describe('damage', () => {
  test('a flipped byte anywhere in the content of any member is VARVE_CORRUPTION', async () => {
    const bytes = await sample();
    const members = membersOf(bytes).filter((member) => member.sizeBytes > 0);
    expect(members.length).toBeGreaterThan(0);
    for (const { name, contentOffset, sizeBytes } of members) {
      const steps = Math.min(sizeBytes, 24);
      for (let step = 0; step < steps; step++) {
        const offset = contentOffset + Math.floor((step * (sizeBytes - 1)) / Math.max(1, steps - 1));
        const spoilt = Buffer.from(bytes);
        spoilt[offset] = (spoilt[offset] as number) ^ 0x10;
        await expectRefused(spoilt, ['VARVE_CORRUPTION', 'VARVE_UNSUPPORTED_VERSION'], `${name} at ${offset - contentOffset}`);
      }
    }
  });

  test('a snapshot cut short anywhere before its end marks is VARVE_CORRUPTION', async () => {
    const bytes = await sample();
    const last = membersOf(bytes).at(-1) as TarMember;
    const end = last.contentOffset + last.sizeBytes;
    for (const length of [0, 1, 511, 512, 513, 1024, Math.floor(end / 2), end - 513, end - 1]) {
      await expectRefused(bytes.subarray(0, length), undefined, `${length} bytes`);
    }
  });

  test('bytes that are no tar, a tar of something else, and an empty tar are VARVE_CORRUPTION', async () => {
    await expectRefused(noSnapshot);
    await expectRefused(Buffer.alloc(1024));
    await expectRefused(Buffer.alloc(10 * 1024, 0xff));
    const bytes = await sample();
    const [first] = membersOf(bytes);
    await expectRefused(renamed(bytes, first as TarMember, 'letter.txt'));
  });

  test('names that lead out of the target are VARVE_CORRUPTION, and nothing is written there', async () => {
    const bytes = await sample();
    const outside = temporaryDirectory();
    for (const member of membersOf(bytes)) {
      for (const name of ['../escaped', join(outside, 'escaped'), 'a/../../escaped', '..', './../escaped', '']) {
        await expectRefused(renamed(bytes, member, name), undefined, `${member.name} as ${name}`);
      }
    }
    expect(readdirSync(outside)).toEqual([]);
  });

  test('a member missing, and one that occurs twice, is VARVE_CORRUPTION', async () => {
    const bytes = await sample();
    for (const member of membersOf(bytes).filter(({ sizeBytes }) => sizeBytes > 0)) {
      const end = member.contentOffset + Math.ceil(member.sizeBytes / 512) * 512;
      const piece = bytes.subarray(member.headerOffset, end);
      await expectRefused(
        Buffer.concat([bytes.subarray(0, member.headerOffset), bytes.subarray(end)]),
        undefined,
        `without ${member.name}`,
      );
      await expectRefused(Buffer.concat([bytes.subarray(0, end), piece, bytes.subarray(end)]), undefined, `${member.name} twice`);
    }
  });
});
