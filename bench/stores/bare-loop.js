/** No store: a loop that appends the same bytes to one file and calls fdatasync. It cannot read. What durable writes cost at the least. */
import { closeSync, fdatasyncSync, mkdirSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';

const refuse = () => {
  throw new Error('the bare loop only appends');
};

/** @type {import('./store.js').StoreKind} */
export const bareLoop = {
  name: 'bare-loop',
  version: process.versions.node,
  canSync: true,
  isCompressed: false,
  settings: 'one write of a batch, one fdatasync',
  better: '',
  async open({ directory, isDurable }) {
    mkdirSync(directory, { recursive: true });
    const file = openSync(join(directory, 'bytes'), 'a');
    let buffer = Buffer.alloc(1 << 20);
    const putBatch = (keys, values, count) => {
      let length = 0;
      for (let i = 0; i < count; i++) length += keys[i].length + values[i].length;
      if (length > buffer.length) buffer = Buffer.alloc(length);
      let at = 0;
      for (let i = 0; i < count; i++) {
        at += keys[i].copy(buffer, at);
        at += values[i].copy(buffer, at);
      }
      writeSync(file, buffer, 0, at);
      if (isDurable) fdatasyncSync(file);
    };
    return {
      putBatch,
      putVisible: putBatch,
      deleteBatch: refuse,
      getMany: refuse,
      scan: refuse,
      seek: refuse,
      async flush() {},
      close: () => closeSync(file),
    };
  },
};
