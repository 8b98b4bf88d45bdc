/** Decision trees. */
import { fail } from "../../ir/diagnostic.ts";
import { forestFault, leafMark, nodeFields, outcomes } from "../../ir/forest.ts";
import type { ForestOp } from "../../ir/graph.ts";
import { makeTensor, type TensorData } from "../../ir/tensor.ts";
import type { Evaluate } from "./evaluate.ts";

function outcomeOf(value: number, split: number): number {
  if (value < split) return outcomes.less;
  if (value > split) return outcomes.greater;
  return value === split ? outcomes.equal : outcomes.unordered;
}

/** The leaf that a row reaches, as its place in the table of nodes. */
function leafOf(nodes: Int32Array, splits: Float64Array, root: number, row: Float64Array): number {
  let at = root * nodeFields;
  for (;;) {
    const mark = nodes[at] as number;
    if (mark === leafMark) return at;
    const outcome = outcomeOf(row[nodes[at + 1] as number] as number, splits[at / nodeFields] as number);
    at = (nodes[at + ((mark & outcome) === 0 ? 3 : 2)] as number) * nodeFields;
  }
}

const combine: Readonly<Record<ForestOp["fn"], (x: number, y: number) => number>> = {
  sum: (x, y) => x + y,
  min: (x, y) => (y < x ? y : x),
  max: (x, y) => (y > x ? y : x),
};

const numbers = ({ elements }: TensorData): Float64Array => Float64Array.from(elements as Float32Array);

export const evaluateForest: Evaluate<"forest"> = (op, inputs, [result, cast]) => {
  const [x, roots, nodes, splits, targets, weights] = inputs;
  const [tables, votes] = [nodes.elements as Int32Array, targets.elements as Int32Array];
  const [rows = 0, features = 0] = x.shape;
  const fault = forestFault(
    { roots: roots.elements as Int32Array, nodes: tables, targets: votes },
    features,
    op.targets,
  );
  if (fault !== null) throw fail("WSC3006", fault);
  const [values, limits, amounts] = [numbers(x), numbers(splits), numbers(weights)];
  const round = x.dtype === "f32" ? Math.fround : Number;
  const join = combine[op.fn];
  const [scores, isCast] = [new Float64Array(rows * op.targets), new Uint8Array(rows * op.targets)];
  for (let row = 0; row < rows; row++) {
    const own = values.subarray(row * features, (row + 1) * features);
    for (const root of roots.elements as Int32Array) {
      const leaf = leafOf(tables, limits, root, own);
      for (let vote = tables[leaf + 2] as number; vote < (tables[leaf + 3] as number); vote++) {
        const at = row * op.targets + (votes[vote] as number);
        const amount = amounts[vote] as number;
        scores[at] = isCast[at] === 0 ? amount : round(join(scores[at] as number, amount));
        isCast[at] = 1;
      }
    }
  }
  const elements = x.dtype === "f32" ? Float32Array.from(scores) : scores;
  return [makeTensor(result.dtype, result.shape, elements), makeTensor(cast.dtype, cast.shape, isCast)];
};
