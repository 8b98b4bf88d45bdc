/**
 * assign-layout: convolutions over one or two spatial dims with constant weights work channels-last, where the innermost loop runs over
 * contiguous channels. Each gets a transpose before and one behind; sink-transposes makes nearly all of them vanish.
 */
import type { OpOf, ValueId } from "../../ir/graph.ts";
import { foldOp } from "./fold-constants.ts";
import { toChannelsFirst, toChannelsLast } from "../../ir/image-layout.ts";
import type { Pass } from "./pass.ts";
import { type Rewrite, rewriteGraph } from "./rewrite.ts";

export const assignLayout: Pass = {
  name: "assign-layout",
  summary: "let convolutions work channels-last",
  run: (graph) =>
    rewriteGraph(graph, (rewrite) => (rewrite.op.kind === "conv" ? channelsLast(rewrite, rewrite.op) : null), foldOp),
};

function channelsLast(rewrite: Rewrite, op: OpOf<"conv">): readonly ValueId[] | null {
  const [x, w] = rewrite.inputs as readonly [ValueId, ValueId];
  const rank = op.strides.length + 2;
  const isConstant = rewrite.builder.constantOf(w) !== undefined;
  if (op.layout === "nhwc" || rank > 4 || !isConstant || op.epilogue !== null) return null;
  const transpose = (value: ValueId, perm: readonly number[]): ValueId =>
    rewrite.emitOne({ kind: "transpose", inputs: [value], perm });
  const image = transpose(x, toChannelsLast(rank));
  // [M, C/g, kernel…] -> [kernel…, C/g, M]
  const weights = transpose(w, [...toChannelsLast(rank).slice(1), 0]);
  const result = rewrite.emitOne({ ...op, layout: "nhwc", inputs: [image, weights] });
  return [transpose(result, toChannelsFirst(rank))];
}
