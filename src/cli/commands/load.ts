/**
 * `varve load`: writes JSON lines.
 *
 *   line ─▶ section ── so many lines or bytes ──▶ committed ─▶ the next lines are read
 *
 * Invariants:
 * 1. Memory is one line and one section, however much is loaded.
 * 2. A line that is wrong ends the load with its number. The lines of the sections before it are loaded, and the message says how many.
 */
import { isUtf8 } from 'node:buffer';
import type { BatchTx } from '../../api.js';
import { invalidArgument, VarveError } from '../../errors.js';
import { bytesFromJson, parseBytesAs } from '../bytes-text.js';
import type { Call, Command } from '../command.js';
import { checkNewKey, withDatabase } from '../database.js';
import { openInput } from '../input.js';
import { linesOf } from '../lines.js';
import { formatCount, formatNoun } from '../output.js';
import { formOf, hexSwitch } from '../range.js';
import { checkSignal } from '../signal.js';

const sectionLinesDefault = 1000;
const sectionBytesMax = 1024 * 1024;

/** Some editors begin a file with it. */
const byteOrderMark = Buffer.from('\ufeff');

/** What a line says: a bucket that must be there, and perhaps an entry of it. */
interface Line {
  readonly bucket: Buffer;
  readonly entry?: { readonly key: Buffer; readonly value: Buffer };
}

function parseLine(line: Buffer, fallback: Buffer | undefined): Line {
  if (!isUtf8(line)) throw invalidArgument('it is no UTF-8: other bytes stand as {"hex":…}');
  let parsed: unknown;
  try {
    parsed = JSON.parse(line.toString());
  } catch {
    throw invalidArgument('it is no JSON');
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) throw invalidArgument('it is no object');
  const bucket = 'bucket' in parsed ? bytesFromJson('"bucket"', parsed.bucket) : fallback;
  if (bucket === undefined) throw invalidArgument('it has no "bucket", and no --bucket was given');
  const unknown = Object.keys(parsed).find((name) => !['bucket', 'key', 'value'].includes(name));
  if (unknown !== undefined) throw invalidArgument(`it has an unknown field ${JSON.stringify(unknown)}`);
  if (!('key' in parsed) && !('value' in parsed)) return { bucket };
  if (!('key' in parsed) || !('value' in parsed)) throw invalidArgument('it has a "key" without a "value", or the reverse');
  return { bucket, entry: { key: bytesFromJson('"key"', parsed.key), value: bytesFromJson('"value"', parsed.value) } };
}

/** Whether a line has nothing but spaces, which JSON lets stand anywhere. */
function isBlank(line: Buffer): boolean {
  return line.every((byte) => byte === 0x20 || byte === 0x09 || byte === 0x0d);
}

/** Puts lines into sections of the batch transaction. */
class Loading {
  entries = 0;
  /** Lines that are committed. */
  committedLines = 0;
  private lines = 0;
  private linesInSection = 0;
  private bytesInSection = 0;
  private readonly known = new Set<string>();

  constructor(
    private readonly tx: BatchTx,
    private readonly fallback: Buffer | undefined,
    private readonly sectionLines: number,
  ) {}

  /** Takes a line; whether the section should end. */
  take(given: Buffer): boolean {
    const line =
      this.lines++ === 0 && given.subarray(0, byteOrderMark.length).equals(byteOrderMark)
        ? given.subarray(byteOrderMark.length)
        : given;
    if (isBlank(line)) return false;
    if (this.linesInSection === 0) this.tx.lock();
    this.linesInSection++;
    this.bytesInSection += line.length;
    try {
      this.write(parseLine(line, this.fallback));
    } catch (error) {
      throw this.refuse(this.lines, error);
    }
    return this.linesInSection >= this.sectionLines || this.bytesInSection >= sectionBytesMax;
  }

  /** The error for lines that cannot be read: of the next one, nothing is known. */
  refuseNext(error: unknown): unknown {
    return this.refuse(this.lines + 1, error);
  }

  async commit(): Promise<void> {
    if (this.linesInSection > 0) {
      this.linesInSection = 0;
      this.bytesInSection = 0;
      this.tx.unlock();
      await this.tx.commit();
    }
    this.committedLines = this.lines;
  }

  private write({ bucket, entry }: Line): void {
    const name = bucket.toString('latin1');
    if (!this.known.has(name)) this.tx.unsafeCreateBucket(bucket);
    this.known.add(name);
    if (entry === undefined) return;
    checkNewKey(bucket, entry.key);
    this.tx.unsafePut(bucket, entry.key, entry.value);
    this.entries++;
  }

  /** Gives up the section that is open. The error says which line it is about, and what is loaded. */
  private refuse(line: number, error: unknown): unknown {
    if (this.linesInSection > 0) this.tx.rollback();
    this.linesInSection = 0;
    if (!(error instanceof VarveError)) return error;
    const loaded =
      this.committedLines === 0 ? 'nothing is loaded' : `the lines up to ${formatCount(this.committedLines)} are loaded`;
    return new VarveError(error.code, `line ${line}: ${error.message} (${loaded})`, { cause: error });
  }
}

/** Lines of the source, and where that fails, what is loaded and what not. */
async function* linesFor(source: AsyncIterable<Uint8Array>, loading: Loading): AsyncGenerator<readonly Buffer[]> {
  try {
    yield* linesOf(source);
  } catch (error) {
    throw loading.refuseNext(error);
  }
}

async function loadFrom(call: Call, source: AsyncIterable<Uint8Array>, loading: Loading): Promise<void> {
  for await (const lines of linesFor(source, loading)) {
    for (const line of lines) {
      checkSignal(call.signal);
      if (!loading.take(line)) continue;
      await loading.commit();
      call.progress.count(loading.entries, 'entries');
    }
  }
  checkSignal(call.signal);
  await loading.commit();
}

export const load: Command = {
  name: 'load',
  group: 'Copying',
  summary: 'write JSON lines, as `varve dump` and `varve scan --json` print them',
  details:
    'Makes the database and its buckets where they are missing. Lines are committed in sections, each as a whole. A line that is wrong\n' +
    'ends the load; it says which lines are loaded.',
  parameters: [
    { name: 'database', summary: 'directory of the database' },
    { name: 'file', summary: 'the lines; absent or -: standard input', kind: 'optional' },
  ],
  switches: [
    { flags: '-b, --bucket <name>', summary: 'bucket of lines that name none' },
    { flags: '--section <lines>', summary: `lines of a section (${sectionLinesDefault})` },
    { ...hexSwitch, summary: 'the name of --bucket is hexadecimal' },
  ],
  examples: ['varve load fruit.db fruit.jsonl', 'varve scan old.db fruit --json | varve load new.db --bucket fruit'],
  async run(call) {
    const { output, progress } = call;
    const given = call.text('bucket');
    const fallback = given === undefined ? undefined : parseBytesAs(formOf(call), '--bucket', given);
    const sectionLines = call.count('section') ?? sectionLinesDefault;
    if (sectionLines === 0) throw invalidArgument('--section is 1 or more');
    const file = call.optionalWord('file') ?? '-';
    const source = openInput(call, file);
    // Before a database is made: a file that cannot be opened.
    if (file !== '-') await new Promise((resolve, reject) => source.once('error', reject).once('open', resolve));
    await withDatabase({ path: call.word('database'), readOnly: false, createIfMissing: true }, async (database) => {
      const loading = new Loading(database.batchTx(), fallback, sectionLines);
      progress.begin('loading');
      await loadFrom(call, source, loading);
      progress.end();
      output.report({ entries: loading.entries }, () => output.line(`loaded ${formatNoun(loading.entries, 'entry', 'entries')}`));
    });
    return 'done';
  },
};
