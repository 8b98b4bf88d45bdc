/** Checks what a caller feeds against what a program's ports say, and describes ports as onnxruntime's API does. */
import { dtypeInfo } from "../ir/dtype.ts";
import { diagnostic, type Diagnostic, fail, showName, WscError } from "../ir/diagnostic.ts";
import type { ValueType } from "../ir/graph.ts";
import { nameHint } from "../ir/nearest.ts";
import { isForScalar, sameShape } from "../ir/types.ts";
import { type HostValue, isTensor, optionalOf, sequenceOf } from "./host/value.ts";
import { fromMapData, type SessionMap, toMapData } from "./maps.ts";
import type { ModelPort } from "./model-compiler.ts";
import { checkedTensor, fromTensorData, Tensor, type TensorLike, toTensorData } from "./tensor.ts";

/** What a session takes and gives: a tensor, a sequence (array), an empty optional (null), or a map (an object). */
export type SessionValue = Tensor | null | SessionMap | readonly SessionValue[];

/** Description of an input or output: of a tensor as onnxruntime's API has it, of another value with its type in words. */
export type PortMetadata =
  | {
      readonly name: string;
      readonly isTensor: true;
      readonly type: Tensor.Type;
      /** numbers, or names of symbolic dims */
      readonly shape: readonly (number | string)[];
    }
  | { readonly name: string; readonly isTensor: false; readonly type: string; readonly shape: readonly [] };

export function describePort({ name, type }: ModelPort): PortMetadata {
  switch (type.kind) {
    case "tensor":
    case "dynamic": {
      // further element types have names that onnxruntime's types lack
      const ortName = dtypeInfo(type.dtype).ortName as Tensor.Type;
      return { name, isTensor: true, type: ortName, shape: type.kind === "tensor" ? type.shape : (type.dims ?? []) };
    }
    case "sequence":
    case "optional":
    case "map":
      return { name, isTensor: false, type: showType(type), shape: [] };
  }
}

export function showType(type: ValueType): string {
  switch (type.kind) {
    case "tensor":
      return `${dtypeInfo(type.dtype).ortName}[${type.shape.join(",")}]`;
    case "dynamic":
      return `${dtypeInfo(type.dtype).ortName}[${type.dims === null ? "…" : type.dims.join(",")}]`;
    case "sequence":
    case "optional":
      return `${type.kind}(${showType(type.element)})`;
    case "map":
      return `map(${dtypeInfo(type.key).ortName}, ${dtypeInfo(type.value).ortName})`;
  }
}

type Feeds = { readonly [name: string]: unknown };

/** The feeds by name, converted and checked; all complaints come at once. */
export function readFeeds(feeds: Feeds, ports: readonly ModelPort[]): Map<string, HostValue> {
  if (typeof feeds !== "object" || (feeds as Feeds | null) === null || Array.isArray(feeds) || feeds instanceof Tensor)
    throw fail("WSC7002", "feeds must be an object with the names of inputs as keys");
  const known = new Map(ports.map((port) => [port.name, port]));
  const problems: Diagnostic[] = [];
  const values = new Map<string, HostValue>();
  for (const name of Object.keys(feeds)) {
    if (!known.has(name)) problems.push(unknownName(name, ports));
  }
  for (const port of ports) {
    const given = Object.prototype.hasOwnProperty.call(feeds, port.name) ? feeds[port.name] : undefined;
    if (given === undefined) {
      problems.push(missing(port));
      continue;
    }
    const value = vectorForOne(toHostValue(given as SessionValue, port.type), port.type);
    const fault = isFedForScalar(value, port.type) ? null : mismatch(value, port.type);
    if (fault === null) values.set(port.name, value);
    else problems.push(diagnostic("error", "WSC7002", fault, { subject: `input "${showName(port.name)}"` }));
  }
  if (problems.length > 0) throw new WscError(problems);
  return values;
}

function unknownName(name: string, ports: readonly ModelPort[]): Diagnostic {
  const hint = nameHint(
    name,
    "inputs",
    ports.map((port) => port.name),
  );
  return diagnostic("error", "WSC7003", `the model has no input "${showName(name)}"`, { hint });
}

const missing = (port: ModelPort): Diagnostic =>
  diagnostic("error", "WSC7001", `input "${showName(port.name)}" is missing`, {
    hint: `it takes ${showType(port.type)}`,
  });

function toHostValue(value: SessionValue, type: ValueType): HostValue {
  if (value === null) return optionalOf(null);
  if (type.kind === "optional") return optionalOf(toHostValue(value, type.element));
  if (Array.isArray(value)) {
    const element = type.kind === "sequence" ? type.element : type;
    return sequenceOf((value as readonly SessionValue[]).map((item) => toHostValue(item, element)));
  }
  if (type.kind === "map" && !(value instanceof Tensor)) return toMapData(value, type);
  if (!isTensorLike(value)) throw fail("WSC7002", "a feed must be a Tensor, an array of tensors, a map, or null");
  return toTensorData(checkedTensor(value));
}

export const isTensorLike = (value: unknown): value is TensorLike =>
  value instanceof Tensor ||
  (typeof value === "object" && value !== null && "dims" in value && "data" in value && "type" in value);

/** A scalar that is fed where a vector of one element is declared, as that vector. */
function vectorForOne(value: HostValue, type: ValueType): HostValue {
  const isVectorOfOne = type.kind === "tensor" && sameShape(type.shape, [1]);
  return isVectorOfOne && isTensor(value) && value.shape.length === 0 ? { ...value, shape: [1] } : value;
}

/** A tensor fed for a scalar. Only a session's own inputs have this: elements of a sequence are what their type says. */
const isFedForScalar = (value: HostValue, type: ValueType): boolean =>
  type.kind === "tensor" && isTensor(value) && value.dtype === type.dtype && isForScalar(type.shape.length);

/** What is wrong with a value for a port, or null. A dim's name may stand for several sizes: whether they fit, operators decide. */
function mismatch(value: HostValue, type: ValueType): string | null {
  if (type.kind === "optional") {
    const content = !isTensor(value) && value.kind === "optional" ? value.value : value;
    return content === null ? null : mismatch(content, type.element);
  }
  if (type.kind === "sequence") {
    if (isTensor(value) || value.kind !== "sequence") return "a sequence (an array) is expected";
    return firstOf(value.elements, (element) => mismatch(element, type.element));
  }
  if (type.kind === "map") return isTensor(value) || value.kind !== "map" ? "a map (an object) is expected" : null;
  if (!isTensor(value)) return "a tensor is expected";
  if (value.dtype !== type.dtype) {
    return `type ${dtypeInfo(value.dtype).ortName} given, ${dtypeInfo(type.dtype).ortName} expected`;
  }
  const dims = type.kind === "tensor" ? type.shape : type.dims;
  if (dims === null || fitsDims(value.shape, dims)) return null;
  return `shape [${value.shape.join(",")}] given, [${dims.join(",")}] expected${wrongDim(value.shape, dims)}`;
}

/** The first dim that differs, in the words of onnxruntime's message: programs find out by them what a model takes. */
function wrongDim(shape: readonly number[], dims: readonly (number | string)[]): string {
  const axis = shape.findIndex((size, at) => typeof dims[at] === "number" && size !== dims[at]);
  return shape.length !== dims.length || axis < 0
    ? ""
    : ` (index: ${axis} Got: ${shape[axis]} Expected: ${dims[axis]})`;
}

const fitsDims = (shape: readonly number[], dims: readonly (number | string)[]): boolean =>
  dims.length === shape.length && dims.every((dim, axis) => typeof dim === "string" || dim === shape[axis]);

function firstOf<T>(items: readonly T[], complaint: (item: T) => string | null): string | null {
  for (const item of items) {
    const found = complaint(item);
    if (found !== null) return found;
  }
  return null;
}

/** Warnings about results whose shapes are not what their ports say; dims with names may be of any size. */
export function shapeConflicts(
  results: ReadonlyMap<string, HostValue>,
  ports: readonly ModelPort[],
): readonly Diagnostic[] {
  return ports.flatMap(({ name, type }) => {
    const value = results.get(name);
    const dims = type.kind === "tensor" ? type.shape : type.kind === "dynamic" ? type.dims : null;
    if (value === undefined || dims === null || !isTensor(value) || fitsDims(value.shape, dims)) return [];
    const message = `the model declares its shape as [${dims.join(",")}], it is [${value.shape.join(",")}]`;
    return [diagnostic("warning", "WSC2004", message, { subject: `output "${showName(name)}"` })];
  });
}

/** The API's form of a result. */
export function toSessionValue(value: HostValue): SessionValue {
  if (isTensor(value)) return fromTensorData(value);
  if (value.kind === "sequence") return value.elements.map(toSessionValue);
  if (value.kind === "map") return fromMapData(value);
  return value.value === null ? null : toSessionValue(value.value);
}
