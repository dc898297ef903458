import { readdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { pairsOf, putAll } from '../contract/support/content.js';
import { expectRejection, freshPath, open } from '../contract/support/harness.js';

// It was refused with "cannot open …: EEXIST", and nothing said what to do.
test('a commit whose log cannot have its name says which file is in the way; it works once that is moved away', async () => {
  const path = freshPath();
  const backend = await open({ path });
  for (let number = 1; number < 100; number++) {
    const name = `${String(number).padStart(6, '0')}.log`;
    writeFileSync(join(path, name), 'not ours', { flag: 'wx' });
  }
  putAll(backend, 'b', [['k', 'v']]);
  const error = await expectRejection(() => backend.forceCommit(), 'VARVE_IO');
  expect(error.file).toMatch(/\.log$/);
  expect(error.message).toContain('moved away');
  expect((await expectRejection(() => backend.forceCommit(), 'VARVE_IO')).file).toBe(error.file);
  for (const name of readdirSync(path)) if (name.endsWith('.log')) renameSync(join(path, name), `${path}-${name}`);
  await backend.forceCommit();
  await backend.close();
  expect(pairsOf((await open({ path })).readTx(), 'b')).toEqual([['k', 'v']]);
});
