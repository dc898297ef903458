/**
 * `varve demo`: what the promises mean, in seconds.
 *
 *   a child commits batches ── killed ──▶ opened here ─▶ every acknowledged batch is whole, none is there in part ─▶ verified
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { openBackend, verify } from '../../backend/open-backend.js';
import { makeTemporaryDirectory } from '../../env/outside-files.js';
import { VarveError } from '../../errors.js';
import type { Call, Command } from '../command.js';
import { batchEntries, demoKey, demoValue } from '../demo-writer.js';
import { formatBytes, formatCount, formatNoun } from '../output.js';
import { checkSignal } from '../signal.js';

const batchesBeforeKill = 200;

interface Claim {
  readonly claim: string;
  readonly holds: boolean;
}

/** Lets a child write, and kills it in the middle of it; the number of batches that it acknowledged. */
async function writeAndKill(call: Call, path: string): Promise<number> {
  const writer = fileURLToPath(new URL('../demo-writer.js', import.meta.url));
  const child: ChildProcess = spawn(process.execPath, [writer, path], { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = once(child, 'exit');
  let acknowledged = 0;
  try {
    if (child.stdout === null) throw new VarveError('VARVE_IO', 'the child has no output');
    for await (const line of createInterface({ input: child.stdout })) {
      checkSignal(call.signal);
      acknowledged = Number(line) + 1;
      call.progress.count(acknowledged, 'batches', batchesBeforeKill);
      if (acknowledged >= batchesBeforeKill) child.kill('SIGKILL');
    }
  } finally {
    child.kill('SIGKILL');
    await ended;
  }
  return acknowledged;
}

/** Compares what is there with what must be. */
async function check(path: string, acknowledged: number): Promise<{ claims: Claim[]; batches: number }> {
  await using database = await openBackend({ path });
  const found = new Map<number, number>();
  let strangers = 0;
  for (const [key, value] of database.readTx().unsafeIterate('demo')) {
    const [, batch = '-1', , entry = '-1'] = key.toString().split(' ');
    const isExpected =
      key.toString() === demoKey(Number(batch), Number(entry)) && value.toString() === demoValue(Number(batch), Number(entry));
    if (isExpected) found.set(Number(batch), (found.get(Number(batch)) ?? 0) + 1);
    else strangers++;
  }
  const whole = [...found.values()].filter((entries) => entries === batchEntries).length;
  const missing = Array.from({ length: acknowledged }, (_, batch) => batch).filter(
    (batch) => found.get(batch) !== batchEntries,
  ).length;
  return {
    batches: found.size,
    claims: [
      { claim: `every one of the ${formatCount(acknowledged)} acknowledged batches is there, and whole`, holds: missing === 0 },
      {
        claim: `no batch is there in part (${formatNoun(found.size - acknowledged, 'more batch', 'more batches')} made it whole)`,
        holds: whole === found.size,
      },
      { claim: 'nothing else is there', holds: strangers === 0 },
      {
        claim: 'the batches that are there are the first ones, without a gap',
        holds: Math.max(-1, ...found.keys()) + 1 === found.size,
      },
    ],
  };
}

export const demo: Command = {
  name: 'demo',
  group: 'Trying it out',
  summary: 'kill a process that writes, open what it left, and check every promise',
  details: 'Works in a directory of its own for temporary files, and removes it again. Exits with 1 where a claim does not hold.',
  parameters: [],
  switches: [],
  examples: ['varve demo'],
  async run(call) {
    const { output } = call;
    const path = await makeTemporaryDirectory('varve-demo-');
    call.progress.begin('writing');
    try {
      const acknowledged = await writeAndKill(call, path);
      const { claims, batches } = await check(path, acknowledged);
      const { ok, files, bytes } = await verify(path);
      const all = [
        ...claims,
        { claim: `every byte was read and verified: ${formatNoun(files, 'file')}, ${formatBytes(bytes)}`, holds: ok },
      ];
      output.report({ acknowledged, batches, batchEntries, claims: all }, () => {
        output.line(
          `A process committed batches of ${batchEntries} entries and was killed (SIGKILL) after ${formatCount(acknowledged)} of them.`,
        );
        output.line('Another one opened what was left:');
        for (const { claim, holds } of all) output.line(`  ${holds ? 'ok    ' : 'FAILED'}  ${claim}`);
      });
      return all.every(({ holds }) => holds) ? 'done' : 'failed';
    } finally {
      await rm(path, { recursive: true, force: true });
    }
  },
};
