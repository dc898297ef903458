/** `varve get`: the value of one key. */
import { invalidArgument } from '../../errors.js';
import { bytesToJson, formatBytesAs, parseBytesAs } from '../bytes-text.js';
import type { Command, Outcome } from '../command.js';
import { checkBucket, withDatabase } from '../database.js';
import { formOf, hexSwitch } from '../range.js';

export const get: Command = {
  name: 'get',
  group: 'Reading',
  summary: 'print the value of a key',
  details: 'Exits with 1 and prints nothing where the key is not there.',
  parameters: [
    { name: 'database', summary: 'directory of the database' },
    { name: 'bucket', summary: 'name of the bucket' },
    { name: 'key', summary: 'the key' },
  ],
  switches: [hexSwitch, { flags: '--raw', summary: 'print the bytes of the value as they are, and nothing else' }],
  examples: [
    'varve get fruit.db fruit apple',
    'varve get fruit.db images 00ff --hex',
    'varve get fruit.db images logo --raw > logo.png',
  ],
  async run(call) {
    const form = formOf(call);
    const bucket = parseBytesAs(form, 'the bucket', call.word('bucket'));
    const key = parseBytesAs(form, 'the key', call.word('key'));
    const { output } = call;
    if (call.has('raw') && output.isJson) throw invalidArgument('give --raw or --json, not both');
    return withDatabase<Outcome>({ path: call.word('database') }, async (database) => {
      const view = database.readTx();
      checkBucket(view, bucket);
      const value = view.unsafeGet(bucket, key);
      if (call.has('raw')) await output.bytes(value ?? new Uint8Array(0));
      else if (value !== undefined || output.isJson) {
        output.report({ key: bytesToJson(key), found: value !== undefined, value: value && bytesToJson(value) }, () => {
          if (value !== undefined) output.line(formatBytesAs(form, value));
        });
      }
      return value === undefined ? 'failed' : 'done';
    });
  },
};
