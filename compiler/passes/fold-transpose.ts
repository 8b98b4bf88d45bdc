/** fold-transpose: a transpose of a product's operand becomes the product's flag, wholly or as far as its innermost two dims go. */
import type { OpOf, ValueId } from "../../ir/graph.ts";
import type { Pass } from "./pass.ts";
import { type Rewrite, rewriteGraph } from "./rewrite.ts";

export const foldTranspose: Pass = {
  name: "fold-transpose",
  summary: "turn transposed operands of products into flags",
  run: (graph) =>
    rewriteGraph(graph, (rewrite) => (rewrite.op.kind === "matmul" ? foldOperands(rewrite, rewrite.op) : null)),
};

interface Folded {
  readonly value: ValueId;
  readonly flip: boolean;
}

function foldOperands(rewrite: Rewrite, op: OpOf<"matmul">): readonly ValueId[] | null {
  const [a, b, ...rest] = rewrite.inputs as readonly [ValueId, ValueId, ...ValueId[]];
  const left = foldOperand(rewrite, a);
  const right = foldOperand(rewrite, b);
  if (!left.flip && !right.flip) return null;
  return [
    rewrite.emitOne({
      ...op,
      inputs: [left.value, right.value, ...rest],
      transposeA: op.transposeA !== left.flip,
      transposeB: op.transposeB !== right.flip,
    }),
  ];
}

function foldOperand(rewrite: Rewrite, value: ValueId): Folded {
  const producer = rewrite.producer(value);
  if (producer?.kind !== "transpose") return { value, flip: false };
  const rank = producer.perm.length;
  const last = producer.perm[rank - 1] as number;
  const beforeLast = producer.perm[rank - 2] as number;
  // with the innermost dim back in its place the rest of the transpose copies whole runs, or is nothing
  if (beforeLast !== rank - 1) return { value, flip: false };
  const perm = [...producer.perm.slice(0, rank - 2), last, rank - 1];
  const [source] = producer.inputs as readonly [ValueId];
  if (perm.every((from, to) => from === to)) return { value: source, flip: true };
  return { value: rewrite.emitOne({ kind: "transpose", inputs: [source], perm }, producer), flip: true };
}
