import { expect, test } from 'vitest';
import { expectCode, open } from '../contract/support/harness.js';
import { numbered, putAll } from '../contract/support/content.js';

// Only the first step threw; the second said that this was the end, as if the bucket had been walked through.
test('an iterator that outlived its section, transaction or backend throws at every step, also while the next section is open', async () => {
  const backend = await open();
  putAll(backend, 'b', numbered(4));
  const tx = backend.batchTx();
  tx.lock();
  const ofSection = tx.unsafeIterate('b');
  ofSection.next();
  tx.unlock();
  const reader = backend.concurrentReadTx();
  const ofReader = reader.unsafeIterate('b');
  ofReader.next();
  reader.runlock();
  const ofBackend = backend.readTx().unsafeIterate('b');
  ofBackend.next();
  for (let step = 0; step < 3; step++) {
    expectCode(() => ofSection.next(), 'VARVE_TX_NOT_LOCKED');
    expectCode(() => ofReader.next(), 'VARVE_CLOSED');
    tx.lock();
    expectCode(() => ofSection.next(), 'VARVE_TX_NOT_LOCKED');
    tx.unlock();
  }
  await backend.close();
  for (let step = 0; step < 3; step++) {
    for (const iterator of [ofSection, ofReader, ofBackend]) expectCode(() => iterator.next(), 'VARVE_CLOSED');
  }
  expect(ofBackend.return?.()).toEqual({ done: true, value: undefined });
  expect(ofBackend.next()).toEqual({ done: true, value: undefined });
});
