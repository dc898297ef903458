/** Internal keys (format/internal-key.ts) as people read them: the id of the bucket, a slash, the key. Bucket 0 is the catalogue. */
import { bucketPrefixLength, readBucketId } from '../format/internal-key.js';
import { bytesToJson, formatBytesAs } from './bytes-text.js';

/** A key as it stands in JSON. */
export interface KeyJson {
  readonly bucketId: number;
  readonly key: string | { hex: string };
}

/** The key of the user within an internal key. */
export function userKeyOf(internalKey: Uint8Array): Uint8Array {
  return internalKey.subarray(bucketPrefixLength(internalKey, 0, internalKey.length));
}

/** For JSON; a bucket id of -1 stands for bytes that have none. */
export function internalKeyToJson(internalKey: Uint8Array): KeyJson {
  return { bucketId: readBucketId(internalKey, 0, internalKey.length), key: bytesToJson(userKeyOf(internalKey)) };
}

/** For people. */
export function formatInternalKey(internalKey: Uint8Array): string {
  return `${readBucketId(internalKey, 0, internalKey.length)}/${formatBytesAs('text', userKeyOf(internalKey))}`;
}
