/** `varve put`: writes one key. */
import { invalidArgument, VarveError } from '../../errors.js';
import { valueBytesMax } from '../../limits.js';
import { bytesToJson, parseBytesAs } from '../bytes-text.js';
import type { Call, Command } from '../command.js';
import { checkNewKey, withDatabase } from '../database.js';
import { openInput } from '../input.js';
import { formOf, hexSwitch } from '../range.js';
import { checkSignal } from '../signal.js';

/** The value, from the command line, a file or standard input. */
async function readValue(call: Call): Promise<Buffer> {
  const given = call.optionalWord('value');
  const file = call.text('file');
  if (given !== undefined && file !== undefined) throw invalidArgument('give a value or --file, not both');
  if (given !== undefined) return parseBytesAs(formOf(call), 'the value', given);
  const source: AsyncIterable<Uint8Array> = openInput(call, file ?? '-');
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  for await (const piece of source) {
    checkSignal(call.signal);
    bytes += piece.length;
    if (bytes > valueBytesMax) throw new VarveError('VARVE_LIMIT', `a value has at most ${valueBytesMax} bytes`);
    pieces.push(piece);
  }
  return Buffer.concat(pieces);
}

export const put: Command = {
  name: 'put',
  group: 'Writing',
  summary: 'write the value of a key',
  details: 'The value comes from the command line, from a file, or from standard input. It is durable when the command ends.',
  parameters: [
    { name: 'database', summary: 'directory of the database' },
    { name: 'bucket', summary: 'name of the bucket' },
    { name: 'key', summary: 'the key' },
    { name: 'value', summary: 'the value; absent: --file, or standard input', kind: 'optional' },
  ],
  switches: [
    hexSwitch,
    { flags: '-f, --file <name>', summary: 'take the bytes of a file as the value; - is standard input' },
    { flags: '-c, --create', summary: 'make the database and the bucket where they are missing' },
  ],
  examples: [
    'varve put fruit.db fruit apple red --create',
    'varve put fruit.db images logo --file logo.png',
    'date | varve put fruit.db meta loaded',
  ],
  async run(call) {
    const form = formOf(call);
    const bucket = parseBytesAs(form, 'the bucket', call.word('bucket'));
    const key = parseBytesAs(form, 'the key', call.word('key'));
    checkNewKey(bucket, key);
    const createIfMissing = call.has('create');
    const value = await readValue(call);
    await withDatabase({ path: call.word('database'), readOnly: false, createIfMissing }, async (database) => {
      database.update((tx) => {
        if (createIfMissing) tx.unsafeCreateBucket(bucket);
        tx.unsafePut(bucket, key, value);
      });
      await database.forceCommit();
    });
    if (call.output.isJson) call.output.json({ key: bytesToJson(key), bytes: value.length });
    return 'done';
  },
};
