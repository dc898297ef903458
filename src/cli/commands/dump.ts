/** `varve dump`: everything as JSON lines. */
import { bytesToJson, parseBytesAs } from '../bytes-text.js';
import type { Command, Outcome } from '../command.js';
import { checkBucket, withDatabase } from '../database.js';
import { formOf, hexSwitch } from '../range.js';
import { checkSignal } from '../signal.js';

export const dump: Command = {
  name: 'dump',
  group: 'Copying',
  summary: 'print everything as JSON lines, for `varve load`',
  details:
    'A bucket is a line {"bucket":…}, an entry a line {"bucket":…,"key":…,"value":…}. Bytes that are no UTF-8 stand as {"hex":…}.\n' +
    'One state is printed, in the order of buckets and keys; memory does not grow with the database.',
  parameters: [{ name: 'database', summary: 'directory of the database' }],
  switches: [
    { flags: '-b, --bucket <name>', summary: 'only this bucket; may be given more than once', isList: true },
    { ...hexSwitch, summary: 'the names of --bucket are hexadecimal' },
  ],
  examples: ['varve dump fruit.db > fruit.jsonl', 'varve dump fruit.db | varve load copy.db'],
  async run(call) {
    const { output, progress, signal } = call;
    const wanted = call.list('bucket').map((name) => parseBytesAs(formOf(call), '--bucket', name));
    return withDatabase<Outcome>({ path: call.word('database') }, async (database) => {
      const view = database.concurrentReadTx();
      for (const name of wanted) checkBucket(view, name);
      progress.begin('dumping');
      let count = 0;
      for (const name of wanted.length > 0 ? wanted : view.unsafeBuckets()) {
        const bucket = bytesToJson(name);
        output.json({ bucket });
        for (const [key, value] of view.unsafeIterate(name)) {
          output.json({ bucket, key: bytesToJson(key), value: bytesToJson(value) });
          count++;
          if (!output.isFull) continue;
          progress.count(count, 'entries');
          await output.flush();
          checkSignal(signal);
        }
      }
      await output.flush();
      view.runlock();
      return 'done';
    });
  },
};
