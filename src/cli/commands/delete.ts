/** `varve delete`: keys, or a whole bucket. */
import { invalidArgument } from '../../errors.js';
import { parseBytesAs } from '../bytes-text.js';
import type { Command } from '../command.js';
import { withDatabase } from '../database.js';
import { formatNoun } from '../output.js';
import { formOf, hexSwitch } from '../range.js';

export const deleteCommand: Command = {
  name: 'delete',
  group: 'Writing',
  summary: 'delete keys, or a whole bucket',
  details: 'All keys go in one step, or none. Exits with 1 where none of them was there.',
  parameters: [
    { name: 'database', summary: 'directory of the database' },
    { name: 'bucket', summary: 'name of the bucket' },
    { name: 'keys', summary: 'the keys', kind: 'several' },
  ],
  switches: [hexSwitch, { flags: '--whole-bucket', summary: 'delete the bucket with everything in it' }],
  examples: ['varve delete fruit.db fruit apple pear', 'varve delete fruit.db images --whole-bucket'],
  async run(call) {
    const form = formOf(call);
    const bucket = parseBytesAs(form, 'the bucket', call.word('bucket'));
    const keys = call.severalWords('keys').map((key) => parseBytesAs(form, 'a key', key));
    const wholeBucket = call.has('wholeBucket');
    if (wholeBucket === keys.length > 0) throw invalidArgument('give keys, or --whole-bucket');
    const deleted = await withDatabase({ path: call.word('database'), readOnly: false }, async (database) => {
      const count = database.update((tx) => {
        if (wholeBucket) {
          tx.unsafeDeleteBucket(bucket);
          return 0;
        }
        let found = 0;
        for (const key of keys) {
          if (tx.unsafeGet(bucket, key) === undefined) continue;
          found++;
          tx.unsafeDelete(bucket, key);
        }
        return found;
      });
      await database.forceCommit();
      return count;
    });
    call.output.report({ deletedKeys: deleted, deletedBucket: wholeBucket }, () =>
      call.output.line(wholeBucket ? 'deleted the bucket' : `deleted ${formatNoun(deleted, 'key')}`),
    );
    return wholeBucket || deleted > 0 ? 'done' : 'failed';
  },
};
