/** From the types that a model declares to the types of values, once symbolic dims are bound. */
import { fail, showName } from "../../ir/diagnostic.ts";
import type { DType } from "../../ir/dtype.ts";
import type { ValueType } from "../../ir/graph.ts";
import type { OnnxType } from "./onnx.ts";

/** Values of symbolic dims, by name; `input.axis` stands for that dim alone, whether it has a name or not. */
export type DimBindings = ReadonlyMap<string, number>;

/** The name under which a dim of one input can be bound: one that the model leaves open, or whose symbol has another size elsewhere. */
export const anonymousDim = (port: string, axis: number): string => `${port}.${axis}`;

/** Dims of a declared tensor with bound symbols replaced by their values; null: unknown rank. */
export function boundDims(
  dims: readonly (number | string | null)[] | null,
  bindings: DimBindings,
  port: string,
): readonly (number | string)[] | null {
  if (dims === null) return null;
  return dims.map((dim, axis) => {
    if (typeof dim === "number") return dim;
    const own = anonymousDim(port, axis);
    return bindings.get(own) ?? bindings.get(dim ?? own) ?? dim ?? own;
  });
}

/** A tensor type: static when every dim is a number, dynamic otherwise. */
export function typeOfDims(dtype: DType, dims: readonly (number | string)[] | null): ValueType {
  if (dims === null) return { kind: "dynamic", dtype, dims: null };
  const shape = dims.filter((dim) => typeof dim === "number");
  return shape.length === dims.length ? { kind: "tensor", dtype, shape } : { kind: "dynamic", dtype, dims };
}

/** The type of a value that the model declares with `type`; `port` names it, for dims without a symbol and for messages. */
export function valueTypeOf(type: OnnxType, bindings: DimBindings, port: string): ValueType {
  switch (type.kind) {
    case "tensor":
      return typeOfDims(type.dtype, boundDims(type.dims, bindings, port));
    case "sequence":
    case "optional":
      return { kind: type.kind, element: valueTypeOf(type.element, bindings, port) };
    case "map":
      return { kind: "map", key: type.key, value: mapValueType(type, port) };
  }
}

/** The type of a declared map's values, which are single elements; `port` names it in messages. */
export function mapValueType({ value }: Extract<OnnxType, { readonly kind: "map" }>, port: string): DType {
  if (value.kind === "tensor" && (value.dims ?? []).length === 0) return value.dtype;
  throw fail("WSC1007", "maps are supported whose values are single numbers or strings", {
    subject: `value "${showName(port)}"`,
  });
}

/** Symbols (and unnamed dims) of a declared type that have no value yet. */
export function unboundDims(type: ValueType): readonly string[] {
  switch (type.kind) {
    case "tensor":
      return [];
    case "dynamic":
      return (type.dims ?? []).filter((dim) => typeof dim === "string");
    case "sequence":
    case "optional":
    case "map":
      return [];
  }
}

/** The declared form of a value's type: what a model written by wsc says of it. */
export function declaredTypeOf(type: ValueType): OnnxType {
  switch (type.kind) {
    case "tensor":
      return { kind: "tensor", dtype: type.dtype, dims: type.shape };
    case "dynamic":
      return { kind: "tensor", dtype: type.dtype, dims: type.dims };
    case "sequence":
    case "optional":
      return { kind: type.kind, element: declaredTypeOf(type.element) };
    case "map":
      return { kind: "map", key: type.key, value: { kind: "tensor", dtype: type.value, dims: [] } };
  }
}
