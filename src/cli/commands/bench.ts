/** `varve bench`: how fast this machine is with it, in half a minute and without anything else. */
import { rm } from 'node:fs/promises';
import type { Backend } from '../../api.js';
import { makeTemporaryDirectory } from '../../env/outside-files.js';
import { invalidArgument } from '../../errors.js';
import { valueBytesMax } from '../../limits.js';
import type { Call, Command } from '../command.js';
import { withDatabase } from '../database.js';
import { formatBytes, formatCount } from '../output.js';
import { checkSignal, giveWay } from '../signal.js';

const entriesDefault = 200_000;
const valueBytesDefault = 100;
const entriesMax = 1_000_000_000;
const sectionEntries = 1000;

/** One line of the result. */
interface Measured {
  readonly work: string;
  readonly operations: number;
  readonly milliseconds: number;
}

function* ascending(count: number): Generator<number> {
  for (let number = 0; number < count; number++) yield number;
}

/** Numbers that look random and are the same every time (a linear congruential generator). */
function* shuffled(count: number): Generator<number> {
  for (let i = 0, state = 1; i < count; i++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    yield Math.floor((state / 2 ** 32) * count);
  }
}

const keyOf = (number: number): string => `key${String(number).padStart(12, '0')}`;

/** A value that compresses to about half. */
function valueOf(number: number, bytes: number): Buffer {
  const value = Buffer.alloc(bytes, 'varve ');
  for (let at = 0; at < bytes / 2; at++) value[at] = (Math.imul(number + at, 2_654_435_761) >>> 13) & 0xff;
  return value;
}

class Bench {
  readonly results: Measured[] = [];

  constructor(
    private readonly call: Call,
    private readonly database: Backend,
    private readonly entries: number,
    private readonly valueBytes: number,
  ) {}

  async run(): Promise<void> {
    await this.measure('put, ascending keys', () => this.putAll(ascending(this.entries)));
    await this.measure('put, random keys', () => this.putAll(shuffled(this.entries)));
    await this.measure('get, random keys', () => this.getAll());
    await this.measure('scan', () => this.scanAll());
    await this.measure('put, each with its own commit', () => this.putDurably());
  }

  private async measure(work: string, run: () => Promise<number>): Promise<void> {
    this.call.progress.begin(work);
    const began = performance.now();
    const operations = await run();
    this.results.push({ work, operations, milliseconds: performance.now() - began });
    this.call.progress.end();
  }

  private async pause(done: number): Promise<void> {
    this.call.progress.count(done, 'operations');
    await giveWay();
    checkSignal(this.call.signal);
  }

  private async putAll(numbers: Iterable<number>): Promise<number> {
    const tx = this.database.batchTx();
    let count = 0;
    tx.lock();
    for (const number of numbers) {
      tx.unsafePut('bench', keyOf(number), valueOf(number, this.valueBytes));
      if (++count % sectionEntries !== 0) continue;
      tx.unlock();
      await this.pause(count);
      tx.lock();
    }
    tx.unlock();
    await this.database.forceCommit();
    return count;
  }

  private async getAll(): Promise<number> {
    const view = this.database.readTx();
    let count = 0;
    for (const number of shuffled(this.entries)) {
      view.unsafeGet('bench', keyOf(number));
      if (++count % sectionEntries === 0) await this.pause(count);
    }
    return count;
  }

  private async scanAll(): Promise<number> {
    let count = 0;
    for (const _entry of this.database.readTx().unsafeIterate('bench'))
      if (++count % sectionEntries === 0) await this.pause(count);
    return count;
  }

  private async putDurably(): Promise<number> {
    const commits = Math.min(200, this.entries);
    for (let number = 0; number < commits; number++) {
      this.database.update((tx) => tx.unsafePut('bench', keyOf(number), valueOf(number, this.valueBytes)));
      await this.database.forceCommit();
      this.call.progress.count(number + 1, 'operations');
      checkSignal(this.call.signal);
    }
    return commits;
  }
}

export const bench: Command = {
  name: 'bench',
  group: 'Trying it out',
  summary: 'measure how fast it is on this machine',
  details: 'Makes a database in the directory for temporary files (TMPDIR), and removes it again.',
  parameters: [],
  switches: [
    { flags: '--entries <count>', summary: `entries (${entriesDefault})` },
    { flags: '--value-bytes <count>', summary: `bytes of a value (${valueBytesDefault})` },
  ],
  examples: ['varve bench', 'TMPDIR=/mnt/disk varve bench --entries 1000000'],
  async run(call) {
    const entries = call.count('entries') ?? entriesDefault;
    const valueBytes = call.count('valueBytes') ?? valueBytesDefault;
    if (entries < 1 || entries > entriesMax) throw invalidArgument(`--entries is 1 to ${entriesMax}`);
    if (valueBytes > valueBytesMax) throw invalidArgument(`--value-bytes is 0 to ${valueBytesMax}`);
    const path = await makeTemporaryDirectory('varve-bench-');
    try {
      await withDatabase({ path, readOnly: false, createIfMissing: true }, async (database) => {
        database.update((tx) => tx.unsafeCreateBucket('bench'));
        const run = new Bench(call, database, entries, valueBytes);
        await run.run();
        const { writeAmplification, stalls } = database.stats();
        const report = { entries, valueBytes, results: run.results, sizeBytes: database.size(), writeAmplification, stalls };
        call.output.report(report, () => {
          const rows = run.results.map(({ work, operations, milliseconds }) => {
            return [work, formatCount(operations), formatCount(Math.round((operations / milliseconds) * 1000))];
          });
          call.output.table(
            [{ title: 'work' }, { title: 'operations', align: 'right' }, { title: 'a second', align: 'right' }],
            rows,
          );
          call.output.line();
          call.output.line(
            `${formatBytes(database.size())} on disk, ${writeAmplification.toFixed(1)} bytes written for each byte put`,
          );
        });
      });
    } finally {
      await rm(path, { recursive: true, force: true });
    }
    return 'done';
  },
};
