/**
 * A target whose write never calls back, and which is then ended or destroyed without an event: `writeTo` waited for events alone, and
 * so for ever.
 */
import { Writable } from 'node:stream';
import { expect, test } from 'vitest';
import { start } from '../contract/support/child.js';
import { putAll } from '../contract/support/content.js';
import { expectRejection, freshPath, open, turns } from '../contract/support/harness.js';
import type { Snapshot } from 'varve';

async function snapshotOfSome(): Promise<Snapshot> {
  const backend = await open();
  putAll(backend, 'b', [['k', 'v']]);
  return backend.snapshot();
}

/** Takes the first piece and never says so. */
function silent(options: { emitClose?: boolean; highWaterMark?: number }): Writable & { readonly listening: string[] } {
  const target = new Writable({ ...options, write: () => {} });
  return Object.assign(target, { listening: target.eventNames().map(String) });
}

test.each([
  ['ended in mid-stream, with room for one piece', { highWaterMark: 1 }, (target: Writable) => target.end()],
  ['ended in mid-stream, with room for all', { highWaterMark: 1 << 20 }, (target: Writable) => target.end()],
  ['destroyed without an event', { emitClose: false }, (target: Writable) => target.destroy()],
])('a target that never answers and is %s ends the call with VARVE_IO, and nothing stays on it', async (_what, options, end) => {
  const snapshot = await snapshotOfSome();
  const target = silent(options);
  const written = expectRejection(() => snapshot.writeTo(target), 'VARVE_IO');
  await turns(3);
  end(target);
  await written;
  await turns(3);
  expect(target.eventNames().map(String)).toEqual(target.listening);
});

test('a web stream that fails while its sink never ends a write ends the call with VARVE_IO and the reason', async () => {
  const snapshot = await snapshotOfSome();
  const reason = new Error('the line was cut');
  let fail: () => void = () => {};
  const target = new WritableStream<Uint8Array>(
    { start: (controller) => void (fail = () => controller.error(reason)), write: () => new Promise(() => {}) },
    { highWaterMark: 100 },
  );
  const written = expectRejection(() => snapshot.writeTo(target), 'VARVE_IO');
  await turns(3);
  fail();
  expect((await written).cause).toBe(reason);
  expect(target.locked).toBe(false);
});

test.each([
  ['Writable', () => silent({ highWaterMark: 1 })],
  ['WritableStream', () => new WritableStream<Uint8Array>({ write: () => new Promise(() => {}) })],
])('an abort and a close end the wait for a %s at once, without a look', async (_what, make) => {
  const snapshot = await snapshotOfSome();
  const controller = new AbortController();
  let outcome: unknown;
  const aborted = snapshot.writeTo(make(), { signal: controller.signal }).catch((error: unknown) => (outcome = error));
  await turns(3);
  controller.abort();
  await turns(3);
  expect(outcome).toMatchObject({ code: 'VARVE_ABORTED' });
  await aborted;
  const closed = snapshot.writeTo(make()).catch((error: unknown) => (outcome = error));
  await turns(3);
  await snapshot.close();
  await turns(3);
  expect(outcome).toMatchObject({ code: 'VARVE_CLOSED' });
  await closed;
});

// 13: a promise that is awaited at the top never settled.
test('a target that takes nothing does not keep a process alive', async () => {
  const child = start('../../regressions/fixtures/silent-target.mjs', [freshPath()]);
  const { code, lines } = await child.ended;
  expect([lines, code]).toEqual([['waits'], 13]);
});
