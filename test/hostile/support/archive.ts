/**
 * Tar archives made by hand, header by header, so that each field can lie.
 *
 * | name 100 | mode 8 | owner 8 | group 8 | size 12 | time 12 | checksum 8 | type 1 | link 100 | magic 6 | version 2 | … | prefix 155 |
 * 0          100      108       116       124       136       148          156      157        257       263             345
 */

/** One member; what is absent is as a snapshot writes it. */
export interface Member {
  readonly name: string;
  readonly content?: Uint8Array;
  /** The size that the header says, as it stands there: octal digits, or 12 bytes. */
  readonly size?: string;
  readonly type?: string;
  readonly link?: string;
  readonly prefix?: string;
  readonly checksum?: string;
}

const padded = (length: number): number => Math.ceil(length / 512) * 512;

/** The header and the content of a member, padded. */
export function memberBytes({
  name,
  content = new Uint8Array(0),
  size,
  type = '0',
  link = '',
  prefix = '',
  checksum,
}: Member): Buffer {
  const bytes = Buffer.alloc(512 + padded(content.length));
  bytes.write(name, 0, 100, 'latin1');
  bytes.write('0000600\0' + '0000000\0'.repeat(2), 100, 'latin1');
  bytes.write(size ?? `${content.length.toString(8).padStart(11, '0')}\0`, 124, 12, 'latin1');
  bytes.write('00000000000\0', 136, 'latin1');
  bytes.write(`${type}${link}`, 156, 101, 'latin1');
  bytes.write('ustar\u000000', 257, 'latin1');
  bytes.write(prefix, 345, 155, 'latin1');
  bytes.fill(0x20, 148, 156);
  const sum = bytes.subarray(0, 512).reduce((total, byte) => total + byte, 0);
  bytes.write(checksum ?? `${sum.toString(8).padStart(6, '0')}\0 `, 148, 8, 'latin1');
  bytes.set(content, 512);
  return bytes;
}

/** An archive of the members, ended as it should be. */
export function archiveOf(members: readonly Member[]): Buffer {
  return Buffer.concat([...members.map(memberBytes), Buffer.alloc(1024)]);
}

/** A size as 12 bytes in base 256, for sizes above 8 GiB. */
export function base256(size: number): string {
  const bytes = Buffer.alloc(12);
  bytes.writeBigUInt64BE(BigInt(size), 4);
  bytes[0] = 0x80;
  return bytes.toString('latin1');
}

/** One record of a pax header: `length key=value\n`. */
export function paxRecord(key: string, value: string): Buffer {
  const rest = ` ${key}=${value}\n`;
  const length = rest.length + String(rest.length + String(rest.length).length).length;
  return Buffer.from(`${length}${rest}`, 'latin1');
}
