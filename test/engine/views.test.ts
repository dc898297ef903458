/** The registry of views, against a list in which every registration stands. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ViewRegistry } from '../../src/engine/views.js';

const stepArbitrary = fc.record({ isRelease: fc.boolean(), sequence: fc.integer({ min: 0, max: 12 }) });

test('what is registered and not released is listed, once and in order, and a list that was taken stays as it was', () => {
  fc.assert(
    fc.property(fc.array(stepArbitrary, { maxLength: 80 }), (steps) => {
      const views = new ViewRegistry();
      const registered: number[] = [];
      let taken = views.sequences;
      let takenAs: readonly number[] = [];
      for (const { isRelease, sequence } of steps) {
        if (!isRelease) registered.push(sequence);
        else if (registered.includes(sequence)) registered.splice(registered.indexOf(sequence), 1);
        if (isRelease) views.release(sequence);
        else views.register(sequence);
        expect(taken).toEqual(takenAs);
        takenAs = [...new Set(registered)].sort((a, b) => a - b);
        taken = views.sequences;
        expect(taken).toEqual(takenAs);
      }
    }),
    { numRuns: 300 },
  );
});
