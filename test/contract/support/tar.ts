/**
 * A tar archive as a sequence of 512-byte blocks: where the content of each member lies, and how a header is changed.
 *
 * | name 100 | mode 8 | owner 8 | group 8 | size 12 (octal) | time 12 | checksum 8 | type 1 | … | content, padded to 512 |
 * 0          100      108       116       124               136       148          156
 */
const blockBytes = 512;

export interface TarMember {
  name: string;
  headerOffset: number;
  contentOffset: number;
  sizeBytes: number;
}

function field(header: Buffer, start: number, end: number): string {
  const text = header.subarray(start, end).toString('latin1');
  const zero = text.indexOf('\0');
  return (zero < 0 ? text : text.slice(0, zero)).trim();
}

/** The members of an archive with plain (ustar) headers, in order. */
export function membersOf(archive: Buffer): TarMember[] {
  const members: TarMember[] = [];
  let offset = 0;
  while (offset + blockBytes <= archive.length) {
    const header = archive.subarray(offset, offset + blockBytes);
    if (header.every((byte) => byte === 0)) break;
    const sizeBytes = Number.parseInt(field(header, 124, 136) || '0', 8);
    members.push({ name: field(header, 0, 100), headerOffset: offset, contentOffset: offset + blockBytes, sizeBytes });
    offset += blockBytes + Math.ceil(sizeBytes / blockBytes) * blockBytes;
  }
  return members;
}

/** A copy of the archive in which one member has another name, its header checksum made right again. */
export function renamed(archive: Buffer, member: TarMember, name: string): Buffer {
  const copy = Buffer.from(archive);
  const header = copy.subarray(member.headerOffset, member.headerOffset + blockBytes);
  header.fill(0, 0, 100);
  header.write(name, 0, 'latin1');
  header.fill(0x20, 148, 156);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return copy;
}
