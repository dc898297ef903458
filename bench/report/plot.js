/** Bars of one figure for all stores and some workloads, as SVG, drawn without a browser by vega-lite. */
import { parse, View } from 'vega';
import { compile } from 'vega-lite';

/** One colour a store, the same in every plot; told apart also by those who do not see all colours (Okabe and Ito). */
const colours = {
  varve: '#d55e00',
  'classic-level': '#56b4e9',
  lmdb: '#009e73',
  'better-sqlite3': '#999999',
  'rocksdb-native': '#e69f00',
  'bare-loop': '#000000',
};

/**
 * @param {{ title: string, unit: string, isLogarithmic?: boolean, rows: { workload: string, store: string, value: number }[] }} plot
 * @returns {Promise<string>} an SVG document
 */
export async function drawBars({ title, unit, isLogarithmic = false, rows }) {
  const stores = Object.keys(colours).filter((store) => rows.some((row) => row.store === store));
  const specification = {
    $schema: 'https://vega.github.io/schema/vega-lite/v6.json',
    title: { text: title, anchor: 'start' },
    background: 'white',
    data: { values: rows },
    width: { step: 15 },
    height: 220,
    mark: { type: 'bar' },
    encoding: {
      x: { field: 'workload', type: 'nominal', sort: null, axis: { title: null, labelAngle: -30 } },
      xOffset: { field: 'store', sort: stores },
      y: { field: 'value', type: 'quantitative', title: unit, scale: { type: isLogarithmic ? 'log' : 'linear' } },
      color: {
        field: 'store',
        sort: stores,
        title: null,
        scale: { domain: stores, range: stores.map((store) => colours[store]) },
      },
    },
  };
  const view = new View(parse(compile(specification).spec), { renderer: 'none' });
  return view.toSVG();
}
