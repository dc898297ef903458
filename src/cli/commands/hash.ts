/** `varve hash`: one number over all content. */
import type { Command, Outcome } from '../command.js';
import { withDatabase } from '../database.js';
import { unlessAborted } from '../signal.js';

export const hash: Command = {
  name: 'hash',
  group: 'Checking',
  summary: 'print one number that tells whether two databases hold the same',
  details:
    'CRC-32C over names of buckets, keys and values: the number that etcd gives for the same content. It says nothing of the files.',
  parameters: [{ name: 'database', summary: 'directory of the database' }],
  switches: [],
  examples: ['varve hash fruit.db'],
  async run(call) {
    const { output, progress, signal } = call;
    return withDatabase<Outcome>({ path: call.word('database') }, async (database) => {
      progress.begin('hashing');
      const hashed = database.hashWithProgress(undefined, (entries) => progress.count(entries, 'entries'));
      const value = await unlessAborted(signal, hashed);
      progress.end();
      output.report({ hash: value }, () => output.line(value.toString(16).padStart(8, '0')));
      return 'done';
    });
  },
};
