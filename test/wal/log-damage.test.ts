/** What a log makes of damage: every truncation, every flipped bit, foreign and hostile bytes. */
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { initializeChecksum } from '../../src/format/checksum.js';
import { FrameCodec, frameHeaderBytes } from '../../src/format/frame-header.js';
import { logFrameMagic, logHeaderBytes } from '../../src/wal/log-format.js';
import { buildLog, databaseId, logNumber, readLog, type SampleLog, type SamplePlan, tryReadLog } from './log-samples.js';

beforeAll(initializeChecksum);

const plan: SamplePlan = {
  groups: [
    { entryCounts: [1], sync: false },
    { entryCounts: [2, 1, 3], sync: true },
    { entryCounts: [1], sync: false },
    { entryCounts: [1, 1], sync: false },
  ],
  close: false,
};

/** What must come out when the first byte that is not as written is in group `damaged` (-1: the log header). */
function expectedOutcome(log: SampleLog, damaged: number, intactFrom: number): string[] | 'VARVE_CORRUPTION' {
  const validBytes = damaged < 0 ? 0 : (log.groups[damaged]?.begin ?? log.bytes.length);
  const isPromised = log.groups.some((group) => group.begin >= intactFrom && group.syncedBytes > validBytes);
  return isPromised ? 'VARVE_CORRUPTION' : log.groups.slice(0, Math.max(damaged, 0)).map((group) => group.text);
}

function groupAt(log: SampleLog, offset: number): number {
  return offset < logHeaderBytes ? -1 : log.groups.findIndex((group) => offset < group.end);
}

describe('a log that was cut off', () => {
  it('gives the whole groups before the cut, at every length', () => {
    const log = buildLog(plan);
    for (let length = 0; length <= log.bytes.length; length++) {
      const outcome = readLog(log.bytes.slice(0, length));
      const whole = log.groups.filter((group) => group.end <= length);
      const validBytes = length < logHeaderBytes ? 0 : (whole.at(-1)?.end ?? logHeaderBytes);
      expect(outcome).toEqual({ groups: whole.map((group) => group.text), validBytes, tornBytes: length - validBytes });
    }
  });

  it('is damaged where the next log says that more of it was durable, at every length', () => {
    const log = buildLog(plan);
    for (const required of log.groups) {
      for (let length = 0; length <= log.bytes.length; length++) {
        const outcome = tryReadLog(log.bytes.slice(0, length), { requiredBytes: required.end });
        if (length < required.end) expect(outcome).toBe('VARVE_CORRUPTION');
        else expect(outcome).toMatchObject({ validBytes: required.end, tornBytes: length - required.end });
      }
    }
  });
});

describe('a log with one bit flipped', () => {
  for (const close of [false, true]) {
    it(`gives the groups before it, or damage where a later frame promises more (${close ? 'closed' : 'not closed'})`, () => {
      const log = buildLog({ groups: close ? plan.groups.map((group) => ({ ...group, sync: true })) : plan.groups, close });
      const end = log.groups.at(-1)?.end ?? 0;
      for (let bit = 0; bit < log.bytes.length * 8; bit++) {
        const bytes = log.bytes.slice();
        bytes[bit >> 3] = (bytes[bit >> 3] as number) ^ (1 << (bit & 7));
        const outcome = tryReadLog(bytes);
        if (close && bit >> 3 < end) {
          expect(outcome, `bit ${bit}`).toBe('VARVE_CORRUPTION');
          continue;
        }
        // A frame of a group promises what its fellows do, and never more than where the group begins: it cannot save its own.
        const damaged = bit >> 3 >= end ? log.groups.length : groupAt(log, bit >> 3);
        const expected = expectedOutcome(log, damaged, bit >> 3);
        if (expected === 'VARVE_CORRUPTION') expect(outcome, `bit ${bit}`).toBe(expected);
        else expect(outcome, `bit ${bit}`).toMatchObject({ groups: expected });
      }
    });
  }

  it('is not given out where its payload is larger than the window either', () => {
    const groups = [1, 9000, 200_000].map((count) => ({ entryCounts: [count], sync: false }));
    const { bytes } = buildLog({ groups, close: false });
    expect(readLog(bytes).groups.length).toBe(3);
    for (const [at, whole] of [
      [bytes.length - 5, 2],
      [500_000, 2],
      [50_000, 1],
    ] as const) {
      const damaged = bytes.slice();
      damaged[at] = (damaged[at] as number) ^ 0x20;
      expect(readLog(damaged).groups.length, `flipped at ${at}`).toBe(whole);
    }
  });

  it('names the file and the offset of the frame that is damaged', () => {
    const log = buildLog(plan);
    const begin = log.groups[0]?.begin ?? 0;
    log.bytes[begin + frameHeaderBytes] = 0xee;
    expect(() => readLog(log.bytes)).toThrow(
      expect.objectContaining({ code: 'VARVE_CORRUPTION', file: '000012.log', offset: begin }),
    );
  });
});

describe('bytes that are not of this log', () => {
  it('are a torn tail where they follow the last group: zeros, garbage of any length', () => {
    const log = buildLog(plan);
    const texts = log.groups.map((group) => group.text);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.boolean(), (garbage, zeros) => {
        const tail = zeros ? new Uint8Array(garbage.length) : garbage;
        const bytes = Uint8Array.from([...log.bytes, ...tail]);
        expect(readLog(bytes)).toEqual({ groups: texts, validBytes: log.bytes.length, tornBytes: tail.length });
      }),
    );
  });

  it('never make the reader fail in another way than with a code of its own, nor ask for more than the file holds', () => {
    const log = buildLog(plan);
    fc.assert(
      fc.property(fc.nat(log.bytes.length), fc.uint8Array({ maxLength: 200 }), (at, garbage) => {
        const bytes = log.bytes.slice();
        bytes.set(garbage.subarray(0, bytes.length - at), at);
        const outcome = tryReadLog(bytes);
        if (typeof outcome === 'string') expect(outcome).toBe('VARVE_CORRUPTION');
        else expect(log.groups.map((group) => group.text).slice(0, outcome.groups.length)).toEqual(outcome.groups);
      }),
    );
  });

  it('are refused where two frames of the same length were exchanged', () => {
    const log = buildLog({ groups: [1, 1, 1].map((count) => ({ entryCounts: [count], sync: false })), close: false });
    const [first, second] = [log.groups[0], log.groups[1]];
    const bytes = log.bytes.slice();
    bytes.set(log.bytes.subarray(second?.begin, second?.end), first?.begin);
    bytes.set(log.bytes.subarray(first?.begin, first?.end), second?.begin);
    expect(readLog(bytes)).toMatchObject({ groups: [], validBytes: logHeaderBytes });
  });

  it('are refused where the frames are those of another log or database', () => {
    const log = buildLog(plan);
    const otherId = Uint8Array.from(databaseId, (byte) => byte ^ 1);
    // Blocks of a log that was deleted, which the next one got and a crash left as they were; a witness would make it damage.
    expect(readLog(log.bytes, { number: logNumber + 1 })).toMatchObject({ groups: [], validBytes: 0 });
    expect(tryReadLog(log.bytes, { id: otherId })).toBe('VARVE_CORRUPTION');
    const headless = log.bytes.slice().fill(0, 0, logHeaderBytes);
    expect(readLog(headless, { number: logNumber + 1 })).toMatchObject({ groups: [], validBytes: 0 });
    expect(readLog(headless, { id: otherId })).toMatchObject({ groups: [], validBytes: 0 });
    expect(tryReadLog(headless)).toBe('VARVE_CORRUPTION');
  });

  it('are damage where a whole frame says that sequences descend', () => {
    const log = buildLog(plan);
    const codec = new FrameCodec(logFrameMagic, databaseId, logNumber);
    const end = log.bytes.length;
    const bytes = new Uint8Array(end + frameHeaderBytes);
    bytes.set(log.bytes);
    const fields = { flags: 1, payloadBytes: 0, entryCount: 0, firstSequence: 5, syncedBytes: 0, payloadChecksum: 0n };
    codec.encode(bytes, end, fields, end);
    expect(tryReadLog(bytes)).toBe('VARVE_CORRUPTION');
  });

  it('are judged from where the unfinished group begins, not from the frame at which it stops', () => {
    const log = buildLog({
      groups: [
        { entryCounts: [1], sync: false },
        { entryCounts: [1, 1], sync: false },
      ],
      close: false,
    });
    const begin = log.groups[1]?.begin ?? 0;
    const inside = begin + frameHeaderBytes + 8;
    expect(readLog(log.bytes.slice(0, inside))).toMatchObject({ validBytes: begin, tornBytes: inside - begin });
    expect(tryReadLog(log.bytes, { requiredBytes: inside })).toBe('VARVE_CORRUPTION');
    const bytes = new Uint8Array(inside + 8 + frameHeaderBytes);
    bytes.set(log.bytes.subarray(0, inside));
    const codec = new FrameCodec(logFrameMagic, databaseId, logNumber);
    const fields = { flags: 1, payloadBytes: 0, entryCount: 0, firstSequence: 200, syncedBytes: inside, payloadChecksum: 0n };
    codec.encode(bytes, inside + 8, fields, inside + 8);
    expect(tryReadLog(bytes)).toBe('VARVE_CORRUPTION');
  });

  it('are searched for promises across windows, at multiples of 8 only', () => {
    const log = buildLog({ groups: [{ entryCounts: [1], sync: false }], close: false });
    const codec = new FrameCodec(logFrameMagic, databaseId, logNumber);
    const fields = { flags: 1, payloadBytes: 0, entryCount: 0, firstSequence: 200, payloadChecksum: 0n };
    for (const gapBytes of [8, 1024 * 1024 - 48, 1024 * 1024 - 32, 1024 * 1024 - 8, 1024 * 1024, 3 * 1024 * 1024 + 16]) {
      const at = log.bytes.length + gapBytes;
      const bytes = new Uint8Array(at + frameHeaderBytes);
      bytes.set(log.bytes);
      codec.encode(bytes, at, { ...fields, syncedBytes: log.bytes.length }, at);
      expect(readLog(bytes), 'a promise of no more than what is valid').toMatchObject({ validBytes: log.bytes.length });
      codec.encode(bytes, at, { ...fields, syncedBytes: log.bytes.length + 8 }, at);
      expect(tryReadLog(bytes), `gap ${gapBytes}`).toBe('VARVE_CORRUPTION');
    }
  });
});

describe('any log, cut or flipped anywhere', () => {
  const plans = fc.record({
    groups: fc.array(
      fc.record({ entryCounts: fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 3 }), sync: fc.boolean() }),
      {
        maxLength: 6,
      },
    ),
    close: fc.boolean(),
  });

  it('gives exactly a prefix of whole groups, and not less than what an intact frame promises', () => {
    fc.assert(
      fc.property(plans, fc.nat(), fc.boolean(), (samplePlan, place, cut) => {
        const log = buildLog(samplePlan);
        const offset = place % log.bytes.length;
        const bytes = cut ? log.bytes.slice(0, offset) : log.bytes.slice();
        if (!cut) bytes[offset] = (bytes[offset] as number) ^ 0x10;
        const outcome = tryReadLog(bytes);
        const promised = Math.max(
          0,
          ...log.groups.filter((group) => !cut && group.begin > offset).map((group) => group.syncedBytes),
        );
        if (typeof outcome === 'string') {
          expect([outcome, cut]).toEqual(['VARVE_CORRUPTION', false]);
          return;
        }
        expect(outcome.validBytes).toBeGreaterThanOrEqual(promised);
        expect(outcome.groups).toEqual(log.groups.slice(0, outcome.groups.length).map((group) => group.text));
      }),
      { numRuns: 300 },
    );
  });
});
