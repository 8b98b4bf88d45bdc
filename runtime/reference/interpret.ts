/**
 * Runs a whole graph with the reference: the oracle for passes and kernels. Ops run in their order, values are dropped after their last
 * use; only nested regions recurse.
 */
import { fail, showName } from "../../ir/diagnostic.ts";
import {
  type DeferredOp,
  type Graph,
  type HostOp,
  type LoopOp,
  type Op,
  opSubject,
  type ScanOp,
  type TensorType,
  tensorType,
  type ValueId,
} from "../../ir/graph.ts";
import { makeTensor, scalarTensor, type TensorData } from "../../ir/tensor.ts";
import { hostFunctions } from "../host/functions.ts";
import { type HostState, type HostValue, isTensor } from "../host/value.ts";
import { endlessLoop, loopLimits } from "../loop-limit.ts";
import { nth } from "./access.ts";
import { type EvaluableKind, evaluateOp, isEvaluable } from "./evaluate.ts";
import { takeAlong } from "./movement.ts";

/** Computes the results of a deferred op, which needs the compiler. */
export type DeferredEvaluator = (op: DeferredOp, inputs: readonly HostValue[]) => readonly HostValue[];

export interface InterpretOptions {
  /** also give every value of the graph, as `%0`, `%1`… (not those inside regions) */
  readonly keep?: boolean;
  readonly deferred?: DeferredEvaluator;
  /** as a session's */
  readonly maxLoopIterations?: number;
}

/** What lasts for one run: regions share it. */
interface Run {
  readonly deferred: DeferredEvaluator | undefined;
  readonly hostStates: Map<Op, HostState>;
  readonly loopIterations: number;
}

/** Runs a graph on inputs by name and gives its outputs by name. WSC7001 when an input is missing. */
export function interpretGraph(
  graph: Graph,
  inputs: ReadonlyMap<string, HostValue>,
  options: InterpretOptions = {},
): Map<string, HostValue> {
  const { iterations: loopIterations } = loopLimits(options.maxLoopIterations);
  const run: Run = { deferred: options.deferred, hostStates: new Map(), loopIterations };
  const keep = options.keep ?? false;
  const values = runOps(graph, graph.inputs.map(({ name }) => namedInput(inputs, name)), run, keep); // prettier-ignore
  const results = new Map<string, HostValue>();
  if (keep) for (const [id, value] of values.entries()) if (value !== undefined) results.set(`%${id}`, value);
  for (const { name, value } of graph.outputs) results.set(name, valueAt(values, value));
  return results;
}

function namedInput(inputs: ReadonlyMap<string, HostValue>, name: string): HostValue {
  const value = inputs.get(name);
  if (value === undefined) throw fail("WSC7001", `no value for input "${showName(name)}"`);
  return value;
}

type Values = (HostValue | undefined)[];

function valueAt(values: Values, id: ValueId): HostValue {
  const value = values[id];
  if (value === undefined) throw new Error(`internal: %${id} is read before it is computed`);
  return value;
}

/** Runs the ops of a graph; what is left at the end are the outputs (and, with `keep`, all else). */
function runOps(graph: Graph, inputs: readonly HostValue[], run: Run, keep: boolean): Values {
  const values: Values = graph.values.map(({ constant }) => constant);
  for (const [i, { value }] of graph.inputs.entries()) values[value] = inputs[i];
  const lastUses = keep ? null : findLastUses(graph);
  for (const [index, op] of graph.ops.entries()) {
    const results = runOp(op, op.inputs.map((id) => valueAt(values, id)), run); // prettier-ignore
    for (const [i, id] of op.outputs.entries()) values[id] = results[i];
    for (const id of lastUses?.[index] ?? []) values[id] = undefined;
  }
  return values;
}

/** For every op, the values that nothing reads after it. */
function findLastUses(graph: Graph): readonly (readonly ValueId[])[] {
  const last = new Map<ValueId, number>();
  for (const [index, op] of graph.ops.entries()) for (const id of [...op.inputs, ...op.outputs]) last.set(id, index);
  for (const { value } of graph.outputs) last.delete(value);
  const dropped: ValueId[][] = graph.ops.map(() => []);
  for (const [id, index] of last) nth(dropped, index).push(id);
  return dropped;
}

const runRegion = (graph: Graph, inputs: readonly HostValue[], run: Run): readonly HostValue[] => {
  const values = runOps(graph, inputs, run, false);
  return graph.outputs.map(({ value }) => valueAt(values, value));
};

type StaticOp = Extract<Op, { readonly kind: EvaluableKind }>;

const isStatic = (op: Op): op is StaticOp => isEvaluable(op.kind);

function runOp(op: Op, inputs: readonly HostValue[], run: Run): readonly HostValue[] {
  if (isStatic(op)) return evaluateOp(op, inputs.map(tensorOperand)); // prettier-ignore
  switch (op.kind) {
    case "host":
      return runHost(op, inputs, run);
    case "if":
      return runRegion(isTrue(nth(inputs, 0)) ? op.then : op.else, inputs.slice(1), run);
    case "loop":
      return runLoop(op, inputs, run);
    case "scan":
      return runScan(op, inputs, run);
    case "deferred":
      if (run.deferred === undefined) throw new Error(`internal: nothing to run ${opSubject(op)} with`);
      return run.deferred(op, inputs);
  }
}

function tensorOperand(value: HostValue): TensorData {
  if (isTensor(value)) return value;
  throw new Error(`internal: a ${value.kind} where a tensor is expected`);
}

function runHost(op: HostOp, inputs: readonly HostValue[], run: Run): readonly HostValue[] {
  const call = hostFunctions.get(op.fn);
  if (call === undefined) throw new Error(`internal: no host function '${op.fn}'`);
  const state = run.hostStates.get(op) ?? { calls: 0 };
  run.hostStates.set(op, state);
  return call(inputs, op.attributes, state);
}

/** The one element of a condition. */
const isTrue = (value: HostValue): boolean => Number(tensorOperand(value).elements[0]) !== 0;

function runLoop(op: LoopOp, inputs: readonly HostValue[], run: Run): readonly HostValue[] {
  const trips = tensorOperand(nth(inputs, 0)).elements[0] as bigint;
  const going = scalarTensor("bool", 1);
  let condition = nth(inputs, 1);
  let carried = inputs.slice(2, 2 + op.carried);
  const captured = inputs.slice(2 + op.carried);
  const stacks: TensorData[][] = op.body.outputs.slice(1 + op.carried).map(() => []);
  for (let i = 0; i < trips && isTrue(condition); i++) {
    if (i >= run.loopIterations) throw endlessLoop(opSubject(op), run.loopIterations);
    const results = runRegion(op.body, [scalarTensor("i64", i), going, ...carried, ...captured], run);
    condition = nth(results, 0);
    carried = results.slice(1, 1 + op.carried);
    pushAll(stacks, results.slice(1 + op.carried));
  }
  const types = elementTypes(op, 1 + op.carried);
  return [...carried, ...stacks.map((parts, i) => stack(parts, nth(types, i), 0))];
}

function pushAll(stacks: readonly TensorData[][], values: readonly HostValue[]): void {
  for (const [i, parts] of stacks.entries()) parts.push(tensorOperand(nth(values, i)));
}

/** What the elements of stacked results, the body's outputs from `first` on, are where there was no iteration. */
function elementTypes({ body, emptyShapes }: LoopOp | ScanOp, first: number): readonly TensorType[] {
  return body.outputs.slice(first).map(({ value }, i): TensorType => {
    const { type } = nth(body.values, value);
    if (type.kind === "tensor") return type;
    if (type.kind !== "dynamic" || emptyShapes === undefined)
      throw new Error(`internal: a stack of ${type.kind} values`);
    return tensorType(type.dtype, nth(emptyShapes, i));
  });
}

/** Joins equal-shaped tensors along a new axis; of none, a tensor of elements of the type. */
function stack(parts: readonly TensorData[], type: TensorType, axis: number): TensorData {
  const [first] = parts;
  if (first === undefined) return makeTensor(type.dtype, type.shape.toSpliced(axis, 0, 0));
  const slices = parts.map((part) => makeTensor(part.dtype, part.shape.toSpliced(axis, 0, 1), part.elements));
  return nth(evaluateOp({ kind: "concat", inputs: [], axis }, slices), 0);
}

function runScan(op: ScanOp, inputs: readonly HostValue[], run: Run): readonly HostValue[] {
  let carried = inputs.slice(0, op.carried);
  const scanned = inputs.slice(op.carried, op.carried + op.scanned).map(tensorOperand);
  const captured = inputs.slice(op.carried + op.scanned);
  const length = nth(nth(scanned, 0).shape, nth(op.inputAxes, 0));
  const stacks: TensorData[][] = op.body.outputs.slice(op.carried).map(() => []);
  for (let i = 0; i < length; i++) {
    const slices = scanned.map((x, s) =>
      sliceAt(x, nth(op.inputAxes, s), nth(op.inputReverse, s) ? length - 1 - i : i),
    );
    const results = runRegion(op.body, [...carried, ...slices, ...captured], run);
    carried = results.slice(0, op.carried);
    pushAll(stacks, results.slice(op.carried));
  }
  const types = elementTypes(op, op.carried);
  const stacked = stacks.map((parts, s) =>
    stack(nth(op.outputReverse, s) ? parts.reverse() : parts, nth(types, s), nth(op.outputAxes, s)),
  );
  return [...carried, ...stacked];
}

/** x[…, at, …] without the axis. */
function sliceAt(x: TensorData, axis: number, at: number): TensorData {
  return makeTensor(x.dtype, x.shape.toSpliced(axis, 1), takeAlong(x, axis, [at]).elements);
}
