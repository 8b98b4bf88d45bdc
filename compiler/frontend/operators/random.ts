/** Random tensors: host functions, so that a run differs from the next one unless the node carries a seed. */
import type { DType } from "../../../ir/dtype.ts";
import type { Json, ValueId, ValueType } from "../../../ir/graph.ts";
import { tensorType } from "../../../ir/graph.ts";
import type { NodeContext, OperatorDef } from "../operator.ts";
import type { OnnxAttributeKind } from "../onnx.ts";
import { checkedShape, dtypeAttribute } from "./support.ts";
import { operator } from "./table.ts";

const reason = "random numbers";

const uniform = { low: 0, high: 1 } as const;
const normal = { mean: 0, scale: 1 } as const;

/** The distribution's parameters and the seed (null: a fresh one each run) as attributes of the host function. */
function parameters(node: NodeContext, defaults: Readonly<Record<string, number>>): Record<string, Json> {
  const values = Object.entries(defaults).map(([name, value]): [string, Json] => [name, node.float(name, value)]);
  return { ...Object.fromEntries(values), seed: node.float("seed") ?? null };
}

/** A type with another element type. */
function retyped(node: NodeContext, type: ValueType, dtype: DType): ValueType {
  if (type.kind === "tensor" || type.kind === "dynamic") return { ...type, dtype };
  throw node.typeError(`a tensor is expected, not a ${type.kind}`);
}

/** The input's element type, without asking for its shape. */
function elementType(node: NodeContext, index: number): DType {
  const type = node.anyType(index);
  return type.kind === "tensor" || type.kind === "dynamic" ? type.dtype : node.dtype(index);
}

const ofShape = (fn: string, defaults: Readonly<Record<string, number>>) => (node: NodeContext) => {
  const dtype = dtypeAttribute(node, "dtype", "f32");
  const shape = checkedShape(node, dtype, node.ints("shape") ?? []);
  return node.host(fn, [], [tensorType(dtype, shape)], reason, { ...parameters(node, defaults), dtype, shape });
};

const like = (fn: string, defaults: Readonly<Record<string, number>>) => (node: NodeContext) => {
  const dtype = dtypeAttribute(node, "dtype", elementType(node, 0));
  const type = retyped(node, node.anyType(0), dtype);
  return node.host(fn, [node.input(0)], [type], reason, { ...parameters(node, defaults), dtype });
};

function multinomial(node: NodeContext): readonly ValueId[] {
  const dtype = dtypeAttribute(node, "dtype", "i32");
  const sampleSize = node.int("sample_size", 1);
  const [batch, ...classes] = node.shape(0);
  if (batch === undefined || classes.length !== 1) throw node.shapeError("Multinomial takes [batch, classes]");
  const shape = checkedShape(node, dtype, [batch, sampleSize]);
  const attributes = { dtype, sampleSize, seed: node.float("seed") ?? null };
  return node.host("multinomial", [node.input(0)], [tensorType(dtype, shape)], reason, attributes);
}

const drawn = (
  parameters: readonly string[],
  required: Readonly<Record<string, OnnxAttributeKind | "ints!">> = {},
) => ({
  dtype: "int" as const,
  seed: "float" as const,
  ...Object.fromEntries(parameters.map((name) => [name, "float" as const])),
  ...required,
});

/** Operators of this family. */
export const randomOperators: readonly OperatorDef[] = [
  operator("RandomNormal", ofShape("randomNormal", normal), [
    { since: [1, 22], inputs: [0, 0], attributes: drawn(["mean", "scale"], { shape: "ints!" }) },
  ]),
  operator("RandomUniform", ofShape("randomUniform", uniform), [
    { since: [1, 22], inputs: [0, 0], attributes: drawn(["low", "high"], { shape: "ints!" }) },
  ]),
  operator("RandomNormalLike", like("randomNormalLike", normal), [
    { since: [1, 22], attributes: drawn(["mean", "scale"]) },
  ]),
  operator("RandomUniformLike", like("randomUniformLike", uniform), [
    { since: [1, 22], attributes: drawn(["low", "high"]) },
  ]),
  operator("Bernoulli", like("bernoulli", {}), [{ since: [15, 22], attributes: drawn([]) }]),
  operator("Multinomial", multinomial, [
    { since: [7, 22], attributes: { dtype: "int", sample_size: "int", seed: "float" } },
  ]),
];
