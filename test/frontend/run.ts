/** Runs a model through the frontend and the reference interpreter, deferred parts included: what every test of meaning goes through. */
import { lowerLoadedFragment } from "../../compiler/frontend/fragment.ts";
import { type LowerOptions, lowerModel } from "../../compiler/frontend/lower.ts";
import type { OnnxModel } from "../../compiler/frontend/onnx.ts";
import { withoutDeadCode } from "../../compiler/passes/dead-code.ts";
import { WscError } from "../../ir/diagnostic.ts";
import type { DeferredOp, Graph, OpKind, ValueType } from "../../ir/graph.ts";
import { regionsOf } from "../../ir/graph.ts";
import { verifyGraph } from "../../ir/verify.ts";
import { type HostValue, isTensor } from "../../runtime/host/value.ts";
import { interpretGraph } from "../../runtime/reference/interpret.ts";

const typeOf = (value: HostValue): ValueType => {
  if (isTensor(value)) return { kind: "tensor", dtype: value.dtype, shape: value.shape };
  if (value.kind === "map") return { kind: "map", key: value.keys.dtype, value: value.values.dtype };
  return { kind: value.kind, element: { kind: "dynamic", dtype: "f32", dims: null } };
};

/** Runs the deferred part of a model with nothing but what it says it needs by value. */
export function runDeferred(op: DeferredOp, inputs: readonly HostValue[]): readonly HostValue[] {
  const [payload, ...values] = inputs;
  if (payload === undefined || !isTensor(payload)) throw new Error("no payload");
  const named = new Map<string, HostValue>();
  for (const [i, value] of values.entries()) named.set(op.inputNames[i] ?? "", value);
  const known = new Map(
    [...named].map(([name, value]) => {
      const isNeeded = isTensor(value) && (op.valueInputs ?? []).includes(name);
      return [name, isNeeded ? { type: typeOf(value), constant: value } : { type: typeOf(value) }];
    }),
  );
  const results = interpretGraph(lowerLoadedFragment(payload, known).graph, named, { deferred: runDeferred });
  return op.outputNames.map((name) => {
    const value = results.get(name);
    if (value === undefined) throw new Error(`no result ${name}`);
    return value;
  });
}

/** Lowers and verifies; what nothing reads is left out, as the first pass would do it. */
export function lowered(model: OnnxModel, options: LowerOptions = {}): Graph {
  const { graph } = lowerModel(model, options);
  const faults = verifyGraph(graph);
  if (faults.length > 0) throw new WscError(faults);
  return withoutDeadCode(graph);
}

/** Outputs by name, as plain numbers. */
export function run(
  model: OnnxModel,
  feeds: Readonly<Record<string, HostValue>>,
  options: LowerOptions = {},
): Record<string, unknown> {
  const graph = lowered(model, options);
  const results = interpretGraph(graph, new Map(Object.entries(feeds)), { deferred: runDeferred });
  return Object.fromEntries([...results].map(([name, value]) => [name, plain(value)]));
}

/** A value as data that reads well in an expectation: `[shape, elements]`. */
export function plain(value: HostValue): unknown {
  if (isTensor(value)) return [value.shape, Array.from(value.elements as ArrayLike<unknown>, simple)];
  if (value.kind === "map")
    return Object.fromEntries(
      Array.from(value.keys.elements as ArrayLike<string>, (key, i) => [key, simple(value.values.elements[i])]),
    );
  return value.kind === "sequence" ? value.elements.map(plain) : value.value === null ? null : plain(value.value);
}

const simple = (element: unknown): unknown => (typeof element === "bigint" ? Number(element) : element);

/** Kinds of ops in order, those of regions behind their op. */
export const kindsOf = (graph: Graph): OpKind[] =>
  graph.ops.flatMap((op) => [op.kind, ...regionsOf(op).flatMap((region) => kindsOf(region.graph))]);
