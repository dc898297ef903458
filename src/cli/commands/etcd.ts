/** `varve import-etcd` and `varve status-etcd`: files that etcd wrote. */
import {
  type EtcdChecksumRule,
  type EtcdReadOptions,
  type EtcdStatus,
  etcdSnapshotStatus,
  importEtcd,
} from '../../etcd/index.js';
import type { Call, Command, Switch } from '../command.js';
import { formatBytes, formatCount } from '../output.js';

const rules: readonly EtcdChecksumRule[] = ['require', 'verify-if-present', 'skip'];
const checksumSwitch: Switch = {
  flags: '--checksum <rule>',
  summary: 'what is done about the SHA-256 of a snapshot: require, verify-if-present (the default) or skip',
};

const hints: Command['hints'] = {
  VARVE_CORRUPTION: 'The file is damaged, or was copied while etcd wrote to it: take another with `etcdctl snapshot save`.',
};

function readOptions(call: Call): EtcdReadOptions {
  const checksum = call.oneOf('checksum', rules);
  const { progress, signal } = call;
  return { ...(checksum === undefined ? {} : { checksum }), signal, onProgress: (done, total) => progress.bytes(done, total) };
}

function print(call: Call, status: EtcdStatus): void {
  call.progress.end();
  call.output.report(status, () =>
    call.output.pairs([
      ['hash', status.hash.toString(16).padStart(8, '0')],
      ['revision', String(status.revision)],
      ['keys', formatCount(status.totalKey)],
      ['buckets', formatCount(status.buckets)],
      ['size', formatBytes(status.totalSize)],
      ['page size', formatBytes(status.pageSize)],
      ['SHA-256', status.checksum],
    ]),
  );
}

export const statusEtcd: Command = {
  name: 'status-etcd',
  group: 'From etcd',
  summary: "say of a snapshot or a member's db what etcdctl snapshot status says",
  details: 'Reads the whole file and checks it. Nothing is written.',
  parameters: [{ name: 'file', summary: "output of etcdctl snapshot save, or a member's db" }],
  switches: [checksumSwitch],
  hints,
  examples: ['varve status-etcd snapshot.db', 'varve status-etcd /var/lib/etcd/member/snap/db --json'],
  async run(call) {
    call.progress.begin('reading');
    print(call, await etcdSnapshotStatus(call.word('file'), readOptions(call)));
    return 'done';
  },
};

export const importEtcdCommand: Command = {
  name: 'import-etcd',
  group: 'From etcd',
  summary: "make a database of a snapshot or of a member's db",
  details: 'What was written is read back and compared before the database appears. Whatever fails, nothing is left behind.',
  parameters: [
    { name: 'file', summary: "output of etcdctl snapshot save, or a member's db" },
    { name: 'database', summary: 'directory of the new database: missing, or empty' },
  ],
  switches: [checksumSwitch],
  hints,
  examples: ['varve import-etcd snapshot.db imported.db', 'varve import-etcd snapshot.db imported.db --checksum require'],
  async run(call) {
    const { progress } = call;
    progress.begin('importing');
    let isChecking = false;
    const onCheck = (done: number, total: number): void => {
      if (!isChecking) progress.begin('checking');
      isChecking = true;
      progress.count(done, 'keys', total);
    };
    print(call, await importEtcd(call.word('file'), { ...readOptions(call), path: call.word('database'), onCheck }));
    return 'done';
  },
};
