/**
 * Operators of com.microsoft over lists of tokens: NGramRepeatBlock, which forbids the tokens that would repeat a run of tokens, and BifurcationDetector,
 * which checks guessed tokens. https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md
 */
import { tensorFrom } from "../../../ir/tensor.ts";
import type { ValueId } from "../../../ir/graph.ts";
import { GraphWriter, intAttribute, stringAttribute } from "../graph-writer.ts";
import type { OnnxGraph } from "../onnx.ts";
import type { NodeContext, OperatorDef } from "../operator.ts";
import { ownDim } from "./dynamic.ts";
import { operatorOf } from "./table.ts";

const domain = "com.microsoft";

/**
 * Where the last `ngram_size - 1` tokens stood before, the token behind them gets -infinity. All windows of that many tokens are compared at once,
 * one position after the other.
 */
function repeatBlock(node: NodeContext): OnnxGraph {
  const [ids = "", scores = ""] = node.node.inputs;
  const size = node.int("ngram_size", 0);
  if (size < 1) throw node.attributeError(`ngram_size is ${size}`);
  const [batch = 0, length = 0] = node.shape(0);
  if (node.rank(0) !== 2 || node.rank(1) !== 2 || node.shape(1)[0] !== batch)
    throw node.shapeError(`tokens [${node.shape(0).join(",")}] and scores [${node.shape(1).join(",")}]`);
  const writer = GraphWriter.for(node.node);
  const windows = length - size + 1;
  if (windows < 1) return writer.finish([writer.node("Identity", [scores])]);
  const list = (...values: readonly number[]): string => writer.constant(tensorFrom("i64", [values.length], values));
  const columns = (from: number, count: number): string =>
    writer.node("Slice", [ids, list(from), list(from + count), list(1)]);
  const float = (value: number): string => writer.constant(tensorFrom("f32", [], [value]));
  const matches = Array.from({ length: size - 1 }, (_, i) =>
    writer.node("Equal", [columns(i, windows), columns(windows + i, 1)]),
  );
  const [first, ...more] = matches;
  const both = (a: string, b: string): string => writer.node("And", [a, b]);
  const behind = columns(size - 1, windows);
  const forbidden = first === undefined ? writer.node("Equal", [behind, behind]) : more.reduce(both, first);
  const updates = writer.node("Where", [forbidden, float(-Infinity), float(Infinity)]);
  const attributes = { axis: intAttribute(1), reduction: stringAttribute("min") };
  return writer.finish([writer.node("ScatterElements", [scores, behind, updates], { attributes })]);
}

function bifurcation(node: NodeContext): readonly ValueId[] {
  const [least, most] = [node.int("min_ngram_size", 1), node.int("max_ngram_size", 3)];
  if (least < 1 || most < least) throw node.attributeError(`runs of ${least} to ${most} tokens`);
  const operands = [0, 1, 2, ...(node.hasInput(3) ? [3] : [])].map((index) => node.input(index));
  return node.host(
    "bifurcation",
    operands,
    [{ kind: "dynamic", dtype: "i64", dims: [ownDim(node, "tokens")] }, node.anyType(2)],
    "the number of tokens depends on data",
    { least, most },
  );
}

export const tokenSearchOperators: readonly OperatorDef[] = [
  operatorOf(domain, "NGramRepeatBlock", repeatBlock, [
    { since: 1, inputs: [2, 2], attributes: { ngram_size: "int!" } },
  ]),
  operatorOf(domain, "BifurcationDetector", bifurcation, [
    { since: 1, inputs: [3, 4], outputs: [2, 2], attributes: { min_ngram_size: "int", max_ngram_size: "int" } },
  ]),
];
