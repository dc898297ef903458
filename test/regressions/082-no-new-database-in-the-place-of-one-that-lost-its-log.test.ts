/** With CURRENT and the only log gone, the directory was taken for a creation that was cut short, and a new database was made of it. */
import { expect, test } from 'vitest';
import { initializeChecksum } from '../../src/format/checksum.js';
import { openOn, smallSizes } from '../support/memory-database.js';
import { MemoryFileSystem } from '../support/memory-file-system.js';

test('a manifest that tells of a log is damage without CURRENT; one that a first creation left is none', async () => {
  await initializeChecksum();
  const disk = new MemoryFileSystem();
  const first = await openOn(disk, { path: '/db' }, smallSizes);
  await first.close();
  const [fresh = ''] = disk.list('/db').filter((name) => name.startsWith('MANIFEST'));
  disk.unlink('/db/CURRENT');
  expect(fresh).not.toBe('');
  const second = await openOn(disk, { path: '/db' }, smallSizes);
  second.update((tx) => tx.unsafeCreateBucket('b'));
  await second.close();
  for (const name of disk.list('/db')) if (name === 'CURRENT' || name.endsWith('.log')) disk.unlink(`/db/${name}`);
  await expect(openOn(disk, { path: '/db' }, smallSizes)).rejects.toMatchObject({ code: 'VARVE_CORRUPTION', file: 'CURRENT' });
});
