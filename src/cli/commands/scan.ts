/** `varve scan`: the entries of a bucket, or of a range of it. */
import { bytesToJson, formatBytesAs, parseBytesAs } from '../bytes-text.js';
import type { Command, Outcome } from '../command.js';
import { checkBucket, withDatabase } from '../database.js';
import { formOf, hexSwitch, rangeSwitches, readRange } from '../range.js';
import { checkSignal, giveWay } from '../signal.js';

const entriesBetweenLooks = 4096;

export const scan: Command = {
  name: 'scan',
  group: 'Reading',
  summary: 'print the entries of a bucket in the order of keys',
  details: 'One entry a line: the key, a tab, the value. With --json one object a line, as `varve load` takes it with --bucket.',
  parameters: [
    { name: 'database', summary: 'directory of the database' },
    { name: 'bucket', summary: 'name of the bucket' },
  ],
  switches: [
    ...rangeSwitches,
    { flags: '-k, --keys-only', summary: 'leave the values out' },
    { flags: '--count', summary: 'print only how many there are' },
    hexSwitch,
  ],
  examples: [
    'varve scan fruit.db fruit --prefix a --limit 10',
    'varve scan fruit.db events --from 2026-01 --to 2026-02 --reverse',
    'varve scan fruit.db images --keys-only --hex',
  ],
  async run(call) {
    const { output, progress, signal } = call;
    const form = formOf(call);
    const bucket = parseBytesAs(form, 'the bucket', call.word('bucket'));
    const range = readRange(call);
    const [keysOnly, countOnly] = [call.has('keysOnly'), call.has('count')];
    return withDatabase<Outcome>({ path: call.word('database') }, async (database) => {
      const view = database.readTx();
      checkBucket(view, bucket);
      progress.begin('reading');
      let count = 0;
      for (const [key, value] of view.unsafeIterate(bucket, range)) {
        if (++count % entriesBetweenLooks === 0) {
          progress.count(count, 'entries');
          await giveWay();
        }
        if (!countOnly && output.isJson)
          output.json({ key: bytesToJson(key), ...(keysOnly ? {} : { value: bytesToJson(value) }) });
        else if (!countOnly)
          output.line(keysOnly ? formatBytesAs(form, key) : `${formatBytesAs(form, key)}\t${formatBytesAs(form, value)}`);
        if (output.isFull) await output.flush();
        checkSignal(signal);
      }
      if (countOnly) output.report({ count }, () => output.line(String(count)));
      return 'done';
    });
  },
};
