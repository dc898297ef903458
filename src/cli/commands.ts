/** All commands, in the order of the help. */
import type { Command } from './command.js';
import { bench } from './commands/bench.js';
import { buckets } from './commands/buckets.js';
import { defrag } from './commands/defrag.js';
import { deleteCommand } from './commands/delete.js';
import { demo } from './commands/demo.js';
import { dump } from './commands/dump.js';
import { importEtcdCommand, statusEtcd } from './commands/etcd.js';
import { get } from './commands/get.js';
import { hash } from './commands/hash.js';
import { inspect } from './commands/inspect.js';
import { levels } from './commands/levels.js';
import { load } from './commands/load.js';
import { put } from './commands/put.js';
import { repair } from './commands/repair.js';
import { restore } from './commands/restore.js';
import { scan } from './commands/scan.js';
import { snapshot } from './commands/snapshot.js';
import { stats } from './commands/stats.js';
import { verify } from './commands/verify.js';

export const commands: readonly Command[] = [
  get,
  scan,
  buckets,
  stats,
  put,
  deleteCommand,
  load,
  dump,
  snapshot,
  restore,
  verify,
  hash,
  defrag,
  repair,
  levels,
  inspect,
  importEtcdCommand,
  statusEtcd,
  bench,
  demo,
];
