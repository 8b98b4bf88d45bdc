/** Random tensors: host functions with a seed, so that a run can be repeated. */
import type { DType } from "../../../ir/dtype.ts";
import { type Json, tensorType, type ValueId } from "../../../ir/graph.ts";
import type { NodeContext, OperatorDef } from "../operator.ts";
import { checkedShape, dtypeAttribute } from "./support.ts";
import { type Attributes, operator } from "./table.ts";

const reason = "random numbers";

/** Parameters of a distribution with their defaults; the host functions call them the same. */
type Parameters = Readonly<Record<string, number>>;
const uniform: Parameters = { low: 0, high: 1 };
const normal: Parameters = { mean: 0, scale: 1 };

/** The node's seed; without one a number that differs from node to node and stays from run to run (FNV-1a of its name and place). */
export function seedOf(node: NodeContext): number {
  let hash = 0x811c9dc5;
  for (const character of `${node.node.name}#${node.node.index}`) {
    hash = Math.imul(hash ^ (character.codePointAt(0) ?? 0), 0x01000193);
  }
  return node.float("seed") ?? hash >>> 0;
}

function draw(
  node: NodeContext,
  fn: string,
  defaults: Parameters,
  dtype: DType,
  shape: readonly number[],
): readonly ValueId[] {
  const values = Object.entries(defaults).map(([name, value]): [string, Json] => [name, node.float(name, value)]);
  const attributes = { ...Object.fromEntries(values), shape, dtype, seed: seedOf(node) };
  return node.host(fn, [], [tensorType(dtype, checkedShape(node, dtype, shape))], reason, attributes);
}

const ofShape = (fn: string, defaults: Parameters) => (node: NodeContext) =>
  draw(node, fn, defaults, dtypeAttribute(node, "dtype", "f32"), node.ints("shape") ?? []);

const like = (fn: string, defaults: Parameters) => (node: NodeContext) => {
  const { dtype, shape } = node.type(0);
  return draw(node, fn, defaults, dtypeAttribute(node, "dtype", dtype), shape);
};

function bernoulli(node: NodeContext): readonly ValueId[] {
  const { dtype: from, shape } = node.type(0);
  const dtype = dtypeAttribute(node, "dtype", from);
  return node.host("bernoulli", [node.input(0)], [tensorType(dtype, shape)], reason, { dtype, seed: seedOf(node) });
}

function multinomial(node: NodeContext): readonly ValueId[] {
  const dtype = dtypeAttribute(node, "dtype", "i32");
  const sampleSize = node.int("sample_size", 1);
  const [batch, ...classes] = node.shape(0);
  if (batch === undefined || classes.length !== 1) throw node.shapeError("Multinomial takes [batch, classes]");
  const type = tensorType(dtype, checkedShape(node, dtype, [batch, sampleSize]));
  return node.host("multinomial", [node.input(0)], [type], reason, { sampleSize, dtype, seed: seedOf(node) });
}

const common = { dtype: "int", seed: "float" } as const;
const normalAttributes: Attributes = { ...common, mean: "float", scale: "float" };
const uniformAttributes: Attributes = { ...common, low: "float", high: "float" };

/** Operators of this family. */
export const randomOperators: readonly OperatorDef[] = [
  operator("RandomNormal", ofShape("randomNormal", normal), [
    { since: [1, 22], inputs: [0, 0], attributes: { ...normalAttributes, shape: "ints!" } },
  ]),
  operator("RandomUniform", ofShape("randomUniform", uniform), [
    { since: [1, 22], inputs: [0, 0], attributes: { ...uniformAttributes, shape: "ints!" } },
  ]),
  operator("RandomNormalLike", like("randomNormal", normal), [{ since: [1, 22], attributes: normalAttributes }]),
  operator("RandomUniformLike", like("randomUniform", uniform), [{ since: [1, 22], attributes: uniformAttributes }]),
  operator("Bernoulli", bernoulli, [{ since: [15, 22], attributes: common }]),
  operator("Multinomial", multinomial, [{ since: [7, 22], attributes: { ...common, sample_size: "int" } }]),
];
