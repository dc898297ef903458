/** A snapshot of a small database in memory, for whoever restores it. */
import { takeSnapshot } from '../contract/support/snapshots.js';
import { openDatabase } from '../crash/workload.js';
import { MemoryFileSystem } from './memory-file-system.js';

/** Its bytes: tables with two hundred entries of bucket `a`, and a log with one more. */
export async function sampleSnapshot(): Promise<Buffer> {
  const backend = await openDatabase(new MemoryFileSystem());
  backend.update((tx) => {
    tx.unsafeCreateBucket('a');
    for (let i = 0; i < 200; i++) tx.unsafePut('a', `key${i}`, 'x'.repeat(100));
  });
  await backend.defrag();
  backend.update((tx) => tx.unsafePut('a', 'newest', 'y'));
  const bytes = await takeSnapshot(backend);
  await backend.close();
  return bytes;
}
