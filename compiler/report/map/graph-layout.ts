/**
 * Places for the layers of a graph: a row for every step of the data, so that edges point downwards, and in a row an order with few crossings (each layer at the
 * mean of its neighbours in the row before, swept down and up). Linear in layers and edges, since graphs have thousands of layers in a row.
 */
import { nth } from "../../../ir/access.ts";

export interface GraphEdge {
  readonly from: number;
  readonly to: number;
}

export interface GraphPlace {
  readonly column: number;
  readonly row: number;
}

export interface GraphLayout {
  /** by layer; columns are multiples of a half */
  readonly places: readonly GraphPlace[];
  readonly columns: number;
  readonly rows: number;
}

const sweeps = 4;

/** Layers 0..count-1 in topological order of the edges. */
export function layOut(count: number, edges: readonly GraphEdge[]): GraphLayout {
  const into = Array.from({ length: count }, (): number[] => []);
  const outOf = Array.from({ length: count }, (): number[] => []);
  for (const { from, to } of edges) {
    nth(into, to).push(from);
    nth(outOf, from).push(to);
  }
  const rowOf = new Array<number>(count).fill(0);
  for (let layer = 0; layer < count; layer++)
    for (const from of nth(into, layer)) rowOf[layer] = Math.max(nth(rowOf, layer), nth(rowOf, from) + 1);
  const rows: number[][] = [];
  for (let layer = 0; layer < count; layer++) {
    const row = nth(rowOf, layer);
    while (rows.length <= row) rows.push([]);
    nth(rows, row).push(layer);
  }
  const columns = rows.reduce((most, { length }) => Math.max(most, length), 0);
  const at = new Array<number>(count).fill(0);
  const settle = (row: readonly number[]): void => {
    for (const [index, layer] of row.entries()) at[layer] = index + (columns - row.length) / 2;
  };
  rows.forEach(settle);
  const sort = (row: number[], neighbours: readonly (readonly number[])[]): void => {
    const wish = new Map(
      row.map((layer) => [
        layer,
        meanOf(
          nth(neighbours, layer).map((other) => nth(at, other)),
          nth(at, layer),
        ),
      ]),
    );
    row.sort((a, b) => (wish.get(a) as number) - (wish.get(b) as number) || a - b);
    settle(row);
  };
  for (let sweep = 0; sweep < sweeps; sweep++) {
    if (sweep % 2 === 0) for (const row of rows) sort(row, into);
    else for (const row of rows.toReversed()) sort(row, outOf);
  }
  return { places: rowOf.map((row, layer) => ({ row, column: nth(at, layer) })), columns, rows: rows.length };
}

const meanOf = (values: readonly number[], otherwise: number): number =>
  values.length === 0 ? otherwise : values.reduce((sum, value) => sum + value, 0) / values.length;
