/**
 * Rows of a table that stays on the wafer, by numbers that arrive: loops o0, o1, ... over the dims before the table's rows, j0, j1, ... over the numbers,
 * t over the table's rows, c0, c1, ... over the dims behind them. Each core copies the rows that it holds, and partial results over t are summed up.
 */
import type { GatherOp } from "../../../ir/graph.ts";
import type { Axis } from "../../../ir/kernel-graph.ts";
import { inputAt, LoopNames, nothing, type OpNest, type Sources } from "../nest.ts";
import { movementNest } from "./scattered.ts";

export function gatherNest(op: GatherOp, sources: Sources): OpNest {
  const [table, index] = [inputAt(sources, 0), inputAt(sources, 1)];
  // copies of what arrives, and of rows known beforehand, may go anywhere
  if (!table.resident || index.resident || table.type.dtype !== "f32") return movementNest(sources);
  const names = new LoopNames();
  const dims = (name: string, sizes: readonly number[]): readonly Axis[] =>
    sizes.map((size, dim) => {
      names.add(`${name}${dim}`, size);
      return names.axis(size, `${name}${dim}`);
    });
  const { shape } = table.type;
  const outer = dims("o", shape.slice(0, op.axis));
  const numbers = dims("j", index.type.shape);
  const rows = shape[op.axis] ?? 1;
  names.add("t", rows);
  const inner = dims("c", shape.slice(op.axis + 1));
  return {
    family: "dataMovement",
    loops: names.loops,
    reads: [[...outer, names.axis(rows, "t"), ...inner], numbers],
    makes: [[...outer, ...numbers, ...inner]],
    flops: 0,
    stage: {
      domain: names.everything(),
      vector: names.loops.flatMap(({ name }) => (name === "t" ? [] : [name])),
      perPoint: nothing,
      perResult: { fast: 1, slow: 0 },
      combine: null,
      shuffles: false,
      gathers: [],
      steps: 0,
      codeUnits: 1,
    },
  };
}
