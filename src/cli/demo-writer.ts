/**
 * The process that `varve demo` kills: commits batch after batch, and prints the number of each one that is durable.
 *
 * Started by node with the directory of the database as its argument. It ends by itself only when its output is closed.
 */
import { openBackend } from '../backend/open-backend.js';

/** Entries of a batch. */
export const batchEntries = 100;

/** The key of an entry. */
export function demoKey(batch: number, entry: number): string {
  return `batch ${String(batch).padStart(6, '0')} entry ${String(entry).padStart(3, '0')}`;
}

/** The value of an entry: what it must be can be computed. */
export function demoValue(batch: number, entry: number): string {
  return `value ${(batch * 7919 + entry * 104_729) % 1_000_003}`;
}

async function write(path: string): Promise<void> {
  process.stdout.on('error', () => process.exit(1));
  const database = await openBackend({ path });
  database.update((tx) => tx.unsafeCreateBucket('demo'));
  for (let batch = 0; ; batch++) {
    database.update((tx) => {
      for (let entry = 0; entry < batchEntries; entry++) tx.unsafePut('demo', demoKey(batch, entry), demoValue(batch, entry));
    });
    await database.forceCommit();
    process.stdout.write(`${batch}\n`);
  }
}

const [, script, path] = process.argv;
if (script?.endsWith('demo-writer.js') === true && path !== undefined) {
  write(path).catch((error: unknown) => {
    process.stderr.write(`${String(error)}\n`);
    process.exit(1);
  });
}
