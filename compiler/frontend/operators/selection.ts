/** Operators whose result has as many elements as the data says: host functions, or gathers where the choice is a constant. */
import type { DynamicType, ValueId, ValueType } from "../../../ir/graph.ts";
import { elementCount, type Elements, makeTensor, tensorFrom } from "../../../ir/tensor.ts";
import type { NodeContext, OperatorDef } from "../operator.ts";
import { elementTypeOf, ownDim, rankOf } from "./dynamic.ts";
import { operator } from "./table.ts";

const reason = "the result's shape depends on data";

const isSet = (elements: Elements, index: number): boolean => {
  const value = elements[index];
  return value !== 0 && value !== 0n && value !== "" && value !== undefined;
};

/** The axis attribute that Compress and Unique may leave out: null stands for all axes, flattened. */
function optionalAxis(node: NodeContext): number | null {
  const axis = node.int("axis");
  const rank = rankOf(node, 0);
  return axis === undefined || rank === null ? (axis ?? null) : node.axis(axis, rank);
}

/** Type of an input with one dim (or, for a null axis, all of them) replaced by a dim that only a run knows. */
function shortened(node: NodeContext, axis: number | null, name: string): DynamicType {
  const type = node.anyType(0);
  const dtype = elementTypeOf(node, 0);
  if (axis === null) return { kind: "dynamic", dtype, dims: [name] };
  const dims = type.kind === "tensor" ? type.shape : type.kind === "dynamic" ? type.dims : null;
  return {
    kind: "dynamic",
    dtype,
    dims: dims === null || axis < 0 ? null : dims.map((dim, i) => (i === axis ? name : dim)),
  };
}

function compress(node: NodeContext): readonly ValueId[] {
  const axis = optionalAxis(node);
  const condition = node.constantOrUndefined(1);
  if (condition === undefined || node.anyType(0).kind !== "tensor") {
    return node.host(
      "compress",
      [node.input(0), node.input(1)],
      [shortened(node, axis, ownDim(node, "selected"))],
      reason,
      { axis },
    );
  }
  const { shape } = node.type(0);
  const data = axis === null ? node.reshape(node.input(0), [elementCount(shape)]) : node.input(0);
  const chosen = [...condition.elements.keys()].filter((index) => isSet(condition.elements, index));
  const index = node.constantValue(tensorFrom("i64", [chosen.length], chosen));
  return [node.emitOne({ kind: "gather", inputs: [data, index], axis: axis ?? 0 })];
}

/** Positions of the elements that are not zero, one column each, in row-major order. */
function nonZeroOf(elements: Elements, shape: readonly number[]): BigInt64Array {
  const positions: number[] = [];
  for (let index = 0; index < elements.length; index++) if (isSet(elements, index)) positions.push(index);
  const columns = new BigInt64Array(shape.length * positions.length);
  for (const [column, position] of positions.entries()) {
    let rest = position;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      const dim = shape[axis] ?? 1;
      columns[axis * positions.length + column] = BigInt(rest % dim);
      rest = Math.floor(rest / dim);
    }
  }
  return columns;
}

function nonZero(node: NodeContext): readonly ValueId[] {
  const constant = node.constantOrUndefined(0);
  if (constant !== undefined) {
    const { elements, shape } = constant;
    const columns = nonZeroOf(elements, shape);
    const count = shape.length === 0 ? 0 : columns.length / shape.length;
    return [node.constantValue(makeTensor("i64", [shape.length, count], columns))];
  }
  const type: ValueType = { kind: "dynamic", dtype: "i64", dims: [rankOf(node, 0) ?? "rank", ownDim(node, "count")] };
  return node.host("nonZero", [node.input(0)], [type], reason);
}

function unique(node: NodeContext): readonly ValueId[] {
  const axis = optionalAxis(node);
  const sorted = node.int("sorted", 1) !== 0;
  const index = (name: string): ValueType => ({ kind: "dynamic", dtype: "i64", dims: [name] });
  const [distinct, all] = [ownDim(node, "unique"), ownDim(node, "elements")];
  const types = [shortened(node, axis, distinct), index(distinct), index(all), index(distinct)];
  return node.host("unique", [node.input(0)], types, reason, { axis, sorted });
}

/** Operators of this family. */
export const selectionOperators: readonly OperatorDef[] = [
  operator("Compress", compress, [{ since: [9, 11], inputs: [2, 2], attributes: { axis: "int" } }]),
  operator("NonZero", nonZero, [{ since: [9, 13] }]),
  operator("Unique", unique, [{ since: 11, outputs: [1, 4], attributes: { axis: "int", sorted: "int" } }]),
];
