/**
 * Questions that a person would ask of such data, each with the ranges of keys that answer it. Beside each stands how
 * to find the same answer without a database, by going through all places: the two must agree.
 */
import { columnOf, countryName, endOf, folded, placeAt, placeKeyOf, regionName, stripOf } from './places.js';

/** @typedef {import('varve').ReadTx} ReadTx */
/** @typedef {import('./places.js').Place} Place */
/** @typedef {{ name: string, latitude: number, longitude: number }} Point */
/** @typedef {{ text: string, ask: (tx: ReadTx) => string, compare: (places: readonly Place[]) => string }} Question */

const earthRadiusKm = 6371;
const degreeKm = (earthRadiusKm * Math.PI) / 180;
/** @type {(degrees: number) => number} */
const radians = (degrees) => (degrees * Math.PI) / 180;

/** Along the surface of the earth. @type {(from: Point, to: Point) => number} */
function distanceKm(from, to) {
  const sinLatitude = Math.sin(radians(to.latitude - from.latitude) / 2);
  const sinLongitude = Math.sin(radians(to.longitude - from.longitude) / 2);
  const cosines = Math.cos(radians(from.latitude)) * Math.cos(radians(to.latitude));
  return 2 * earthRadiusKm * Math.asin(Math.sqrt(sinLatitude ** 2 + cosines * sinLongitude ** 2));
}

/** Texts with how often each occurs, the most frequent first, equals in order. @param {Iterable<string>} texts */
function frequencies(texts) {
  /** @type {Map<string, number>} */
  const counts = new Map();
  for (const text of texts) counts.set(text, (counts.get(text) ?? 0) + 1);
  return [...counts].map(([text, count]) => ({ text, count })).sort((a, b) => b.count - a.count || (a.text < b.text ? -1 : 1));
}

/** @param {string[]} regions */
function sayRegion(regions) {
  const [largest] = frequencies(regions);
  return largest === undefined ? 'none' : `${regionName(largest.text)}: ${largest.count} of ${regions.length}`;
}

/** @param {string[]} countries */
function sayCountries(countries) {
  const byCountry = frequencies(countries);
  const most = byCountry.slice(0, 3).map(({ text, count }) => `${countryName(text)} ${count}`);
  return `${countries.length} in ${byCountry.length} countries: ${most.join(', ')}, …`;
}

/** @type {(from: Point, places: Point[]) => string} */
function sayNearest(from, places) {
  const near = places.map((place) => ({ name: place.name, km: distanceKm(from, place) })).sort((a, b) => a.km - b.km);
  const nearest = near.slice(0, 3).map(({ name, km }) => `${name} ${km.toFixed(1)} km`);
  return `${near.length} places: ${nearest.join(', ')}, …`;
}

/** @type {(south: Omit<Place, 'key'>, north: Omit<Place, 'key'>) => string} */
const sayEnds = (south, north) =>
  `${north.name} (${countryName(north.country)}, ${north.latitude.toFixed(1)}°) and ${south.name} (${south.latitude.toFixed(1)}°)`;

/** The keys that begin with `prefix`. @type {(tx: ReadTx, bucket: string, prefix: string) => Buffer[]} */
const keysUnder = (tx, bucket, prefix) => tx.unsafeRange(bucket, prefix, endOf(prefix)).keys;

/** @type {(country: string) => Question} */
const largestRegion = (country) => ({
  text: `Which region of ${countryName(country)} has the most places?`,
  ask: (tx) => {
    const keys = keysUnder(tx, 'places', `${country}/`).map((key) => key.toString());
    return sayRegion(keys.map((key) => key.split('/', 2).join('/')));
  },
  compare: (places) => sayRegion(places.filter((place) => place.country === country).map((place) => place.region)),
});

/** @type {(name: string) => Question} */
const namesakes = (name) => ({
  text: `How many places are called ${name}?`,
  ask: (tx) => sayCountries(keysUnder(tx, 'names', `${folded(name)}\0`).map((key) => placeKeyOf(key).toString('utf8', 0, 2))),
  compare: (places) => sayCountries(places.filter((p) => folded(p.name) === folded(name)).map((place) => place.country)),
});

/** @type {(center: Point, radiusKm: number) => Question} */
const around = (center, radiusKm) => ({
  text: `What lies within ${radiusKm} km of ${center.name}?`,
  ask: (tx) => {
    // One range in each strip that the circle touches, as wide as the circle is at its widest.
    const height = radiusKm / degreeKm;
    const width = height / Math.cos(radians(Math.abs(center.latitude) + height));
    const [first, last] = [stripOf(center.latitude - height), stripOf(center.latitude + height)].map(Number);
    const found = [];
    for (let strip = first ?? 0; strip <= (last ?? 0); strip++) {
      const row = strip.toString().padStart(4, '0');
      const [west, east] = [center.longitude - width, center.longitude + width].map((at) => `${row}/${columnOf(at)}`);
      for (const key of tx.unsafeRange('grid', west ?? '', east).keys) found.push(placeAt(tx, placeKeyOf(key)));
    }
    return sayNearest(
      center,
      found.filter((place) => distanceKm(center, place) <= radiusKm),
    );
  },
  compare: (places) =>
    sayNearest(
      center,
      places.filter((place) => distanceKm(center, place) <= radiusKm),
    ),
});

/** @type {Question} */
const ends = {
  text: 'Which places are farthest north and south?',
  ask: (tx) => {
    // The outermost strip that has a place, seen from either end.
    const [south, north] = [false, true].map((reverse) => {
      const [outermost] = [...tx.unsafeIterate('grid', { reverse, limit: 1 })];
      const strip = keysUnder(tx, 'grid', outermost?.[0].toString('utf8', 0, 5) ?? '');
      const places = strip.map((key) => placeAt(tx, placeKeyOf(key))).sort((a, b) => a.latitude - b.latitude);
      return places.at(reverse ? -1 : 0);
    });
    return south && north ? sayEnds(south, north) : 'none';
  },
  compare: (places) => {
    const sorted = [...places].sort((a, b) => a.latitude - b.latitude);
    const [south, north] = [sorted[0], sorted.at(-1)];
    return south && north ? sayEnds(south, north) : 'none';
  },
};

/** @param {Iterable<string>} names */
function sayFavourite(names) {
  const [first] = frequencies(names);
  return first === undefined
    ? 'none'
    : `${first.text.replace(/(^| )\p{L}/gu, (letter) => letter.toUpperCase())}, ${first.count} times`;
}

/** @type {Question} */
const favourite = {
  text: 'Which name is the most common of all?',
  ask: (tx) => {
    /** @type {string[]} */
    const names = [];
    tx.unsafeForEach('names', (key) => void names.push(key.toString('utf8', 0, key.indexOf(0))));
    return sayFavourite(names);
  },
  compare: (places) => sayFavourite(places.map((place) => folded(place.name))),
};

/** @type {readonly Question[]} */
export const questions = [
  largestRegion('DE'),
  namesakes('San José'),
  around({ name: 'the summit of Mont Blanc', latitude: 45.83262, longitude: 6.86517 }, 15),
  ends,
  favourite,
];
