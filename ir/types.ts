/** Relations between value types, and how a type reads in text (the same spelling in messages and in the text form). */
import { type DynamicType, type TensorType, type ValueType } from "./graph.ts";

/** A word that text forms and messages may show without quotes. */
export const isPlainWord = (text: string): boolean => /^[A-Za-z_][A-Za-z0-9_]*$/.test(text);

const showDim = (dim: number | string): string =>
  typeof dim === "number" ? String(dim) : isPlainWord(dim) ? dim : JSON.stringify(dim);

export const showShape = (shape: readonly number[]): string => `[${shape.join(",")}]`;

/** `f32[1,3]`, `dynamic f32[batch,3]`, `dynamic f32[*]` (unknown rank), `sequence<i64[]>`, `optional<...>`, `map<i64, f32>`. */
export function showType(type: ValueType): string {
  switch (type.kind) {
    case "tensor":
      return `${type.dtype}${showShape(type.shape)}`;
    case "dynamic":
      return `dynamic ${type.dtype}[${type.dims === null ? "*" : type.dims.map(showDim).join(",")}]`;
    case "sequence":
    case "optional":
      return `${type.kind}<${showType(type.element)}>`;
    case "map":
      return `map<${type.key}, ${type.value}>`;
  }
}

export const sameShape = (a: readonly number[], b: readonly number[]): boolean =>
  a.length === b.length && a.every((dim, axis) => dim === b[axis]);

/** A tensor of any shape may be fed for a scalar, as onnxruntime has it: what the model does with it decides whether it fits. `rank` is the declared one. */
export const isForScalar = (rank: number): boolean => rank === 0;

/** True for types that are equal in every part; symbolic dims are equal when their names are. */
export const sameType = (a: ValueType, b: ValueType): boolean => showType(a) === showType(b);

type TensorLike = TensorType | DynamicType;
const isTensorLike = (type: ValueType): type is TensorLike => type.kind === "tensor" || type.kind === "dynamic";
const dimsOf = (type: TensorLike): DynamicType["dims"] => (type.kind === "tensor" ? type.shape : type.dims);

/**
 * True when a value of type `actual` may stand where `expected` is declared: equal, or known where only less is asked for. A value also
 * stands for an optional that holds it, as ONNX has it.
 */
export function acceptsType(expected: ValueType, actual: ValueType): boolean {
  if (expected.kind === "optional" && actual.kind !== "optional") return acceptsType(expected.element, actual);
  if (expected.kind === "sequence" || expected.kind === "optional") {
    return actual.kind === expected.kind && acceptsType(expected.element, actual.element);
  }
  if (expected.kind === "map") return sameType(expected, actual);
  if (!isTensorLike(actual) || actual.dtype !== expected.dtype) return false;
  if (expected.kind === "tensor") return actual.kind === "tensor" && sameShape(expected.shape, actual.shape);
  const dims = dimsOf(actual);
  if (expected.dims === null || dims === null) return true;
  return (
    expected.dims.length === dims.length &&
    expected.dims.every((dim, axis) => typeof dim === "string" || typeof dims[axis] === "string" || dim === dims[axis])
  );
}

/**
 * True when every value of type `actual` is known to be of type `expected`. A dim's name stands for one size here: it covers itself, and no
 * other name.
 */
export function coversType(expected: ValueType, actual: ValueType): boolean {
  if (expected.kind === "optional" && actual.kind !== "optional") return coversType(expected.element, actual);
  if (expected.kind === "sequence" || expected.kind === "optional") {
    return actual.kind === expected.kind && coversType(expected.element, actual.element);
  }
  if (expected.kind === "map") return sameType(expected, actual);
  if (!isTensorLike(actual) || actual.dtype !== expected.dtype) return false;
  const [dims, given] = [dimsOf(expected), dimsOf(actual)];
  if (dims === null) return true;
  return given?.length === dims.length && dims.every((dim, axis) => dim === given[axis]);
}

/** The most exact type that covers both: equal types stay, differing dims become symbolic, ranks unknown; null when none does. */
export function joinTypes(a: ValueType, b: ValueType): ValueType | null {
  if (a.kind === "optional" && b.kind !== "optional") return joinTypes(a, { kind: "optional", element: b });
  if (b.kind === "optional" && a.kind !== "optional") return joinTypes({ kind: "optional", element: a }, b);
  if (a.kind === "sequence" || a.kind === "optional") {
    if (b.kind !== a.kind) return null;
    const element = joinTypes(a.element, b.element);
    return element === null ? null : { kind: a.kind, element };
  }
  if (a.kind === "map") return sameType(a, b) ? a : null;
  if (!isTensorLike(b) || a.dtype !== b.dtype) return null;
  if (a.kind === "tensor" && b.kind === "tensor" && sameShape(a.shape, b.shape)) return a;
  return { kind: "dynamic", dtype: a.dtype, dims: joinDims(dimsOf(a), dimsOf(b)) };
}

function joinDims(a: DynamicType["dims"], b: DynamicType["dims"]): DynamicType["dims"] {
  if (a?.length !== b?.length || a === null || b === null) return null;
  return a.map((dim, axis) => (dim === b[axis] ? dim : `d${axis}`));
}
