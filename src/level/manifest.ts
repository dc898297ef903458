/**
 * What a VarveLevel says of itself: abstract-level and its users read it from `db.supports`, and the shared tests run by it.
 */
export const levelManifest = {
  encodings: { buffer: true, view: true, utf8: true },
  has: true,
  getSync: true,
  createIfMissing: true,
  errorIfExists: true,
  implicitSnapshots: true,
  explicitSnapshots: true,
  seek: true,
  permanence: true,
  signals: { iterators: true },
  additionalMethods: {
    approximateSize: true,
    backup: true,
    compactRange: true,
    defrag: true,
    hash: true,
    stats: true,
  },
};
