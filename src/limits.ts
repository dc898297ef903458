/**
 * Every maximum and every size in the system, with its derivation. Bytes unless the name says otherwise.
 */

/** Longest user key and longest bucket name (etcd's bbolt: MaxKeySize). */
export const keyBytesMax = 32_768;

/** Longest value: 1 GiB. With its key and headers it stays below 2^31, so that block offsets fit in 31 bits. */
export const valueBytesMax = 1024 * 1024 * 1024;

/** A bucket id as a prefix of an internal key takes at most 5 bytes (marker and four bytes). */
export const bucketPrefixBytesMax = 5;

/** Longest internal key: bucket prefix and user key. */
export const internalKeyBytesMax = keyBytesMax + bucketPrefixBytesMax;

/** Largest bucket id. Ids are never reused: four thousand million buckets can be created in the life of a database. */
export const bucketIdMax = 0xffff_ffff;

/** The bucket that holds the catalogue: bucket name → bucket id. */
export const catalogBucketId = 0;

/** The bucket that holds the data of a VarveLevel: the one in which the empty key is a key. */
export const levelBucketName = 'level';

/** Sequence numbers and file numbers are doubles that are whole: 2^53 - 1 of them. */
export const sequenceMax = Number.MAX_SAFE_INTEGER;

/**
 * Largest sequence and largest file number that is taken from a file: half of what there are, so that what is counted on from
 * there stays in range. At a million a second that takes 142 years to reach; only a forged file is beyond it.
 */
export const storedNumberMax = 2 ** 52;

/** Smallest memtable that may be configured. */
export const memtableBytesMin = 16 * 1024;

/** Largest memtable that may be configured: the arena is one allocation. */
export const memtableBytesMax = 1024 * 1024 * 1024;

/**
 * Default memtable: 32 MiB. The model of research on compaction gives it a write amplification of 3.9 at 10M keys of
 * 116 bytes, against 3.3 for twice the memory.
 */
export const memtableBytesDefault = 32 * 1024 * 1024;

/** Default of the one cache budget (blocks, filters, indexes). */
export const cacheBytesDefault = 64 * 1024 * 1024;

/**
 * Uncompressed size at which a table block is closed. One entry may make it larger. A read that misses the cache reads and decompresses one;
 * smaller blocks take more disk, and more time to write (docs/decisions/0022).
 */
export const blockBytesDefault = 8 * 1024;

/**
 * Stored bytes that a part of a divided compaction reads, about: the merge of 16 MiB takes a fifth of a second, after which it is looked anew how
 * many threads may work.
 */
export const mergePartBytesMinDefault = 16 * 1024 * 1024;

/** Threads that run background work at most, and never more than there are processors. */
export const workerThreadsMax = 2;

/**
 * Largest uncompressed block that is offered to the codec. A larger block holds one large value: it is stored as it is, so
 * that reading never needs more memory than the value itself.
 */
export const compressedBlockRawBytesMax = 4 * 1024 * 1024;

/** Largest block on disk: one value of the largest size with its key, and the block's own fields. */
export const blockBytesMax = valueBytesMax + internalKeyBytesMax + 64 * 1024;

/** Levels of a version: level 0 takes the flushes, the last level is one sorted run. */
export const levelCount = 7;

/** Table files kept open for reading at most. */
export const openTablesMax = 256;

/**
 * Bytes of the file system that a commit leaves free: for edits of the manifest, for the pages and directory entries that files are
 * rounded up to, and for the fresh manifest of the next open.
 */
export const reservedBytes = 64 * 1024;

/**
 * Bytes that compactions leave free beyond that, so that they never take the room of the log: one memtable's, but no more than
 * this. At 1 MiB a file system of 4 MiB is still of use.
 */
export const headroomBytesMax = 1024 * 1024;
