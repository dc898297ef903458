import { describe, expect, test } from 'vitest';
import { expectCode, open } from '../contract/support/harness.js';

function revoked(): unknown {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}

const silent: Readonly<Record<string, unknown>> = {
  'a proxy that was revoked': revoked(),
  'an object whose class throws': Object.defineProperty({}, 'constructor', {
    get: () => {
      throw new Error('nobody asks');
    },
  }),
  'a view without a prototype': Object.setPrototypeOf(new DataView(new ArrayBuffer(2)), null),
  'an object whose class has no text as its name': { constructor: { name: Symbol('nameless') } },
};

// The message of the refusal asked for the name of the class, and what that threw came out in its place.
describe('an argument that throws when its class is asked for is VARVE_INVALID_ARGUMENT, as any other of a wrong kind', () => {
  for (const [name, value] of Object.entries(silent)) {
    test(name, async () => {
      const backend = await open();
      const wrong = value as Uint8Array;
      backend.update((tx) => {
        tx.unsafeCreateBucket('b');
        expectCode(() => tx.unsafePut('b', 'k', wrong), 'VARVE_INVALID_ARGUMENT');
        expectCode(() => tx.unsafePut('b', wrong, 'v'), 'VARVE_INVALID_ARGUMENT');
        expect(tx.unsafeGet('b', 'k')).toBeUndefined();
      });
      expectCode(() => backend.readTx().unsafeGet(wrong, 'k'), 'VARVE_INVALID_ARGUMENT');
      expectCode(() => backend.readTx().unsafeIterate('b', { lt: wrong }), 'VARVE_INVALID_ARGUMENT');
    });
  }
});
