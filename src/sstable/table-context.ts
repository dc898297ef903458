/**
 * What all tables of a database share: where they lie, whose they are, and what they are read with.
 */
import type { FileSystem } from '../env/file-system.js';
import type { Codec } from '../format/compression.js';
import type { BlockCache } from './block-cache.js';
import type { OpenTables } from './open-tables.js';

/** What reading the file of a table needs. */
export interface TableFileContext {
  readonly fileSystem: FileSystem;
  readonly directory: string;
  /** 16 bytes; a table of another database is refused. */
  readonly databaseId: Uint8Array;
  /** Undefined where there is none: compressed tables cannot be read then. */
  readonly codec: Codec | undefined;
  readonly openTables: OpenTables;
}

/** What point reads and cursors need. */
export interface TableContext extends TableFileContext {
  readonly cache: BlockCache;
}
