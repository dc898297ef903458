/**
 * Verifying a database whose CURRENT leads to a manifest that is missing passed the error of the file system on as the problem, with the
 * whole path as the name of the file.
 */
import { expect, test } from 'vitest';
import { verifyDirectory } from '../../src/engine/verify.js';
import { openDatabase, path } from '../crash/workload.js';
import { MemoryFileSystem } from '../support/memory-file-system.js';

test('a manifest that is missing is a problem of the file with that name', async () => {
  const files = new MemoryFileSystem();
  await (await openDatabase(files)).close();
  const name = files.list(path).find((entry) => entry.startsWith('MANIFEST-')) ?? 'none';
  files.unlink(`${path}/${name}`);
  const { problems } = await verifyDirectory(files, path);
  expect(problems).toEqual([{ file: name, message: `${name}: the manifest is missing` }]);
});
