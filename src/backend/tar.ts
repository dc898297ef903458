/**
 * Tar archives of database files: the only user of modern-tar.
 *
 * An archive is a plain POSIX ustar: for each file a header of 512 bytes and its content padded to 512, then 1024 zero bytes. Names are
 * short and sizes below 8 GiB, so no file needs extended headers, and the size of the whole is known from the sizes of the files.
 */
import { createTarDecoder, createTarPacker } from 'modern-tar';

const blockBytes = 512;
const endBytes = 2 * blockBytes;

export interface ArchiveFile {
  readonly name: string;
  readonly sizeBytes: number;
}

/** Bytes of an archive of these files. */
export function archiveBytes(files: readonly ArchiveFile[]): number {
  return files.reduce((sum, { sizeBytes }) => sum + blockBytes + Math.ceil(sizeBytes / blockBytes) * blockBytes, endBytes);
}

/** The archive as a stream. `read` gives the content of a file piece by piece, exactly its size; its errors end the stream. */
export function packArchive(
  files: readonly ArchiveFile[],
  read: (file: ArchiveFile) => AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): ReadableStream<Uint8Array> {
  const { readable, controller } = createTarPacker();
  const pack = async (): Promise<void> => {
    for (const file of files) {
      const entry = controller.add({ name: file.name, size: file.sizeBytes, mode: 0o600, mtime: new Date(0), type: 'file' });
      const writer = entry.getWriter();
      for await (const piece of read(file)) {
        await writer.ready;
        await writer.write(piece);
      }
      await writer.close();
    }
    controller.finalize();
  };
  pack().catch((error: unknown) => controller.error(error));
  return readable;
}

/** One file of an archive that is read. The body must be read to its end before the next one. */
export interface UnpackedFile {
  readonly name: string;
  readonly sizeBytes: number;
  readonly isFile: boolean;
  readonly body: ReadableStream<Uint8Array>;
}

/** The files of an archive, in its order. Malformed archives throw what the library throws. */
export async function* unpackArchive(source: ReadableStream<Uint8Array>): AsyncGenerator<UnpackedFile> {
  const entries = source.pipeThrough(createTarDecoder({ strict: true }));
  for await (const { header, body } of entries) {
    yield { name: header.name, sizeBytes: header.size, isFile: (header.type ?? 'file') === 'file', body };
  }
}
