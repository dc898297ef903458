/**
 * Salvaging a damaged database into a new one.
 *
 *   plan ─▶ read the catalogue of all sources ─▶ read all entries, oldest first, and put them ─▶ close ─▶ verify ─▶ publish
 *                                                  └ at each loss: count what is there of its range: it may be outdated
 *
 * Invariants:
 * 1. The source is only read. The target appears when it is whole and was read back, or not at all (backend/restore-target.ts).
 * 2. Only entries whose checksums are right are put, the newest version last.
 * 3. Memory is that of a backend, one block or group, the losses, and the names of buckets.
 */
import type { Backend, BatchTx } from '../../api.js';
import { takeTarget } from '../../backend/restore-target.js';
import { errorOfProblem } from '../../engine/problem.js';
import { verifyDirectory } from '../../engine/verify.js';
import type { FileSystem } from '../../env/file-system.js';
import { followKnownLinks } from '../../env/outside-files.js';
import { joinPath } from '../../env/path.js';
import { invalidArgument } from '../../errors.js';
import { readBucketId } from '../../format/internal-key.js';
import { withDatabase } from '../database.js';
import { userKeyOf } from '../internal-key-text.js';
import { BucketNames } from './bucket-names.js';
import { salvageLog } from './log-salvage.js';
import { planSalvage, type SalvagePlan } from './salvage-plan.js';
import { type Loss, mayCostBuckets, type Salvaged, type SalvagedEntry } from './salvaged.js';
import { salvageTable } from './table-salvage.js';
import { checkSignal, giveWay } from '../signal.js';

const sectionEntriesMax = 1000;
const sectionBytesMax = 1024 * 1024;

/** A loss, and how many of the entries that were salvaged before it may have been overwritten or deleted by what was lost. */
export interface ToldLoss extends Loss {
  readonly doubtfulEntries: number;
}

/** What was saved, and what not. */
export interface SalvageReport {
  readonly entries: number;
  readonly buckets: number;
  readonly losses: readonly ToldLoss[];
  readonly doubts: readonly string[];
  /** Buckets whose names are lost, under those that they got. */
  readonly inventedBuckets: readonly Buffer[];
}

/** What the caller is told meanwhile, and how it can stop it. */
export interface SalvageWatch {
  readonly signal: AbortSignal;
  /** A step was begun. */
  onStep(what: string): void;
  /** Entries of the step that are done. */
  onEntries(done: number): void;
  /** Bytes of the new database that were verified. */
  onVerify(done: number, total: number): void;
}

/** Everything that can be read, oldest first. */
function* readAll({ context, tables, logs, lastSequence }: SalvagePlan): Generator<Salvaged> {
  for (const { number, metadata } of tables) {
    yield* salvageTable(context, number, metadata);
    context.openTables.close(number);
  }
  const { fileSystem, directory, databaseId } = context;
  for (const log of logs) yield* salvageLog(fileSystem, directory, databaseId, log, lastSequence);
}

async function readNames(plan: SalvagePlan, watch: SalvageWatch): Promise<BucketNames> {
  const names = new BucketNames();
  names.isIncomplete = plan.isGuess || plan.losses.some(mayCostBuckets);
  let steps = 0;
  for (const salvaged of readAll(plan)) {
    if (salvaged.kind === 'entry') names.take(salvaged);
    else if (mayCostBuckets(salvaged)) names.isIncomplete = true;
    if (++steps % sectionEntriesMax !== 0) continue;
    watch.onEntries(steps);
    await giveWay();
    checkSignal(watch.signal);
  }
  return names;
}

/** Puts what is salvaged into the new database, in sections. */
class Rewriting {
  readonly losses: ToldLoss[] = [];
  entries = 0;
  private sectionEntries = 0;
  private sectionBytes = 0;
  /** Entries that there are now, from the first loss on of which no range is known: each of very many is asked for all of them. */
  private entriesThere: number | undefined;
  private readonly tx: BatchTx;

  constructor(
    database: Backend,
    private readonly names: BucketNames,
  ) {
    this.tx = database.batchTx();
  }

  get isSectionFull(): boolean {
    return this.sectionEntries >= sectionEntriesMax || this.sectionBytes >= sectionBytesMax;
  }

  begin(): void {
    this.tx.lock();
    for (const name of this.names.names) this.tx.unsafeCreateBucket(name);
  }

  /** Commits the section, and begins the next. */
  async next(): Promise<void> {
    await this.end();
    this.tx.lock();
  }

  async end(): Promise<void> {
    this.sectionEntries = 0;
    this.sectionBytes = 0;
    this.tx.unlock();
    await this.tx.commit();
  }

  put({ internalKey, value }: SalvagedEntry): void {
    const id = readBucketId(internalKey, 0, internalKey.length);
    const name = id <= 0 ? undefined : this.names.nameOf(id);
    if (name === undefined) return;
    if (this.names.invented.has(id)) this.tx.unsafeCreateBucket(name);
    const key = userKeyOf(internalKey);
    if (this.entriesThere !== undefined) {
      const wasThere = this.tx.unsafeGet(name, key) !== undefined;
      this.entriesThere += Number(value !== undefined) - Number(wasThere);
    }
    if (value === undefined) this.tx.unsafeDelete(name, key);
    else this.tx.unsafePut(name, key, value);
    this.entries++;
    this.sectionEntries++;
    this.sectionBytes += internalKey.length + (value?.length ?? 0);
  }

  lose(loss: Loss): void {
    this.losses.push({ ...loss, doubtfulEntries: loss.entries === 0 ? 0 : this.doubtfulEntries(loss) });
  }

  private doubtfulEntries(loss: Loss): number {
    if (loss.smallestKey !== undefined || loss.largestKey !== undefined) return this.countBetween(loss);
    this.entriesThere ??= this.countBetween(loss);
    return this.entriesThere;
  }

  /** Entries so far between the keys of a loss. */
  private countBetween({ smallestKey: smallest, largestKey: largest, excludesSmallest }: Loss): number {
    const firstId = smallest === undefined ? 0 : readBucketId(smallest, 0, smallest.length);
    const lastId = largest === undefined ? Number.POSITIVE_INFINITY : readBucketId(largest, 0, largest.length);
    let count = 0;
    for (const name of this.tx.unsafeBuckets()) {
      const id = this.names.idOf(name);
      if (id === undefined || id < firstId || id > lastId) continue;
      const first = smallest !== undefined && id === firstId ? userKeyOf(smallest) : undefined;
      const last = largest !== undefined && id === lastId ? userKeyOf(largest) : undefined;
      const from = first !== undefined && (excludesSmallest === true ? { gt: first } : { gte: first });
      const bounds = { ...from, ...(last !== undefined && { lte: last }) };
      for (const _entry of this.tx.unsafeIterate(name, bounds)) count++;
    }
    return count;
  }
}

/** Keys in all buckets, as they are in the end. */
async function countEntries(database: Backend, watch: SalvageWatch): Promise<number> {
  const view = database.readTx();
  watch.onStep('counting');
  let count = 0;
  for (const name of view.unsafeBuckets()) {
    for (const _entry of view.unsafeIterate(name)) {
      if (++count % sectionEntriesMax !== 0) continue;
      watch.onEntries(count);
      await giveWay();
      checkSignal(watch.signal);
    }
  }
  return count;
}

async function rewrite(plan: SalvagePlan, names: BucketNames, database: Backend, watch: SalvageWatch): Promise<SalvageReport> {
  watch.onStep('saving');
  const rewriting = new Rewriting(database, names);
  rewriting.begin();
  const ageless: Loss[] = [];
  for (const salvaged of readAll(plan)) {
    if (salvaged.kind === 'entry') rewriting.put(salvaged);
    else if (salvaged.isOfUnknownAge === true) ageless.push(salvaged);
    else rewriting.lose(salvaged);
    if (!rewriting.isSectionFull) continue;
    await rewriting.next();
    watch.onEntries(rewriting.entries);
    checkSignal(watch.signal);
  }
  // Files that are missing belong between the others; what is said of them is said of all that there is.
  for (const loss of [...ageless, ...plan.losses]) rewriting.lose(loss);
  await rewriting.end();
  return {
    entries: await countEntries(database, watch),
    buckets: database.readTx().unsafeBuckets().length,
    losses: rewriting.losses,
    doubts: plan.doubts,
    inventedBuckets: [...names.invented.values()],
  };
}

/** Salvages what `directory` holds into a database at `path`, which is missing or empty. Both are absolute. Needs initializeChecksum. */
export async function salvage(
  fileSystem: FileSystem,
  directory: string,
  path: string,
  watch: SalvageWatch,
): Promise<SalvageReport> {
  if (`${followKnownLinks(path)}/`.startsWith(`${followKnownLinks(directory)}/`))
    throw invalidArgument('the new database cannot be in the damaged one, which is left as it is');
  const plan = planSalvage(fileSystem, directory);
  watch.onStep('looking');
  const names = await readNames(plan, watch);
  const target = takeTarget(fileSystem, path);
  try {
    const most = Number.MAX_SAFE_INTEGER;
    const config = { path: target.workplace, readOnly: false, createIfMissing: true, batchLimit: most, batchIntervalMs: most };
    const report = await withDatabase(config, (database) => rewrite(plan, names, database, watch));
    watch.onStep('verifying');
    const onVerify = (done: number, total: number): void => {
      checkSignal(watch.signal);
      watch.onVerify(done, total);
    };
    const [problem] = (await verifyDirectory(fileSystem, target.workplace, undefined, onVerify)).problems;
    if (problem !== undefined) throw errorOfProblem(problem, joinPath(path, problem.file));
    checkSignal(watch.signal);
    target.publish();
    return report;
  } catch (error) {
    target.abandon();
    throw error;
  } finally {
    plan.context.openTables.closeAll();
  }
}
