/**
 * A dependent of Level, unchanged: Quadstore, a store of RDF quads with six indexes, on a VarveLevel in the place of ClassicLevel.
 */
import { Quadstore } from 'quadstore';
import { DataFactory } from 'rdf-data-factory';
import { expect, test } from 'vitest';
import { freshPath, level } from './support.js';

const factory = new DataFactory();
const node = (name: string) => factory.namedNode(`https://example.org/${name}`);
const knows = node('knows');
const age = node('age');

/** Sixty people, each of whom knows the next two and has an age. */
function quads() {
  const number = node('integer');
  return Array.from({ length: 60 }, (_, each) => [
    factory.quad(node(`p${each}`), knows, node(`p${(each + 1) % 60}`)),
    factory.quad(node(`p${each}`), knows, node(`p${(each + 2) % 60}`)),
    factory.quad(node(`p${each}`), age, factory.literal(String(each), number), node('census')),
  ]).flat();
}

test('puts, queries, streams, patches and deletes quads, and finds them again after reopening', async () => {
  const db = level(freshPath(), { unsafeNoFsync: true });
  // Under exactOptionalPropertyTypes no database of abstract-level is an AbstractLevel of any, ClassicLevel neither.
  const backend = db as unknown as Quadstore['db'];
  const store = new Quadstore({ backend, dataFactory: factory });
  await store.open();
  await store.multiPut(quads());
  expect((await store.get({})).items).toHaveLength(180);
  const known = await store.get({ predicate: knows, object: node('p7') });
  expect(known.items.map(({ subject }) => subject.value).sort()).toEqual(['https://example.org/p5', 'https://example.org/p6']);
  expect((await store.get({ graph: node('census') })).items).toHaveLength(60);
  const [first, second] = (await store.get({ subject: node('p3'), predicate: knows })).items;
  if (first === undefined || second === undefined) return expect.fail('p3 knows two');
  await store.patch(first, factory.quad(node('p3'), knows, node('p59')));
  await store.del(second);
  await store.close();

  const again = new Quadstore({ backend, dataFactory: factory });
  await again.open();
  const { iterator } = await again.getStream({ subject: node('p3') });
  const objects: string[] = [];
  await new Promise<void>((resolve, reject) => {
    iterator.on('data', ({ object }) => objects.push(object.value));
    iterator.on('end', resolve);
    iterator.on('error', reject);
  });
  expect(objects.sort()).toEqual(['3', 'https://example.org/p59']);
  await db.defrag();
  const estimate = await again.getApproximateSize({});
  expect(estimate.approximateSize).toBeGreaterThan(0);
  await again.clear();
  expect((await again.get({})).items).toEqual([]);
  await again.close();
});
