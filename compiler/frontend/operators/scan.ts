/** Scan: a Loop over the slices of tensors, in either direction along any axis. */
import { isHostType, type ValueId, type ValueType } from "../../../ir/graph.ts";
import { type Formal, type LoweredRegion } from "../node-context.ts";
import type { NodeContext, OperatorDef } from "../operator.ts";
import { control, emptyShapes, expectFormals, expectResults, finishBody, lowerBody } from "./loop-body.ts";

const isReverse = (value: number): boolean => value === 1;

function listOf(node: NodeContext, name: string, count: number): number[] {
  const list = node.ints(name) ?? new Array<number>(count).fill(0);
  if (list.length !== count) throw node.attributeError(`${name} has ${list.length} entries, ${count} are needed`);
  return list;
}

/** Where a Scan's operands are: its states, then what it scans, and along which axes. */
interface ScanPlan {
  readonly states: readonly ValueId[];
  readonly scanned: readonly ValueId[];
  readonly axes: readonly number[];
  readonly reverse: readonly boolean[];
}

function lowerScan(node: NodeContext): readonly ValueId[] {
  const inputs = Array.from({ length: node.node.inputs.length }, (_, i) => node.input(i));
  const states = inputs.length - scannedCount(node, inputs.length);
  const scanned = inputs.slice(states);
  const axes = listOf(node, "scan_input_axes", scanned.length).map((axis, i) => node.axis(axis, node.rank(states + i)));
  const reverse = listOf(node, "scan_input_directions", scanned.length).map(isReverse);
  const plan: ScanPlan = { states: inputs.slice(0, states), scanned, axes, reverse };
  return emitScan(node, plan, lowerScanBody(node, plan));
}

function scannedCount(node: NodeContext, inputs: number): number {
  const scanned = node.int("num_scan_inputs", 0);
  if (scanned >= 1 && scanned <= inputs) return scanned;
  throw node.attributeError(`num_scan_inputs is ${scanned} of ${inputs} inputs`);
}

function lowerScanBody(node: NodeContext, { states, scanned, axes }: ScanPlan): LoweredRegion {
  const graph = node.graph("body");
  expectFormals(node, graph, states.length + scanned.length);
  expectResults(node, graph, Math.max(states.length, node.outputCount));
  const slices = scanned.map((value, i): Formal => {
    const { dtype, shape } = node.typeOf(value);
    return { type: { kind: "tensor", dtype, shape: shape.toSpliced(axes[i] ?? 0, 1) } };
  });
  const { builder } = control(node).scope.region;
  return lowerBody(node, graph, { before: [], carried: states.map((id) => builder.typeOf(id)), after: slices }, 0);
}

function emitScan(
  node: NodeContext,
  { states, scanned, axes, reverse }: ScanPlan,
  body: LoweredRegion,
): readonly ValueId[] {
  const [graph, captured] = finishBody(body);
  const stacked = body.types.slice(states.length);
  const empty = emptyShapes(node.graph("body"), body, states.length);
  return node.emit({
    kind: "scan",
    carried: states.length,
    scanned: scanned.length,
    inputAxes: axes,
    inputReverse: reverse,
    outputAxes: listOf(node, "scan_output_axes", stacked.length).map((axis, i) => stackAxis(node, axis, stacked[i])),
    outputReverse: listOf(node, "scan_output_directions", stacked.length).map(isReverse),
    ...empty,
    body: graph,
    inputs: [...states, ...scanned, ...captured],
  });
}

/** The axis along which results are stacked, counted in the stacked tensor. */
function stackAxis(node: NodeContext, axis: number, slice: ValueType | undefined): number {
  if (axis >= 0 || (slice !== undefined && isHostType(slice))) return axis;
  const rank = slice?.kind === "tensor" ? slice.shape.length : slice?.dims?.length;
  if (rank === undefined) return node.defer("the rank of a scanned result is known only at run time");
  return node.axis(axis, rank + 1);
}

/**
 * Scan of opset 8: every value has a batch axis in front, the scanned one comes after it. One scan per sample, all with the same body;
 * lengths that differ from the full one are not supported (later versions dropped them).
 */
function lowerBatchedScan(node: NodeContext): readonly ValueId[] {
  const inputs = Array.from({ length: node.node.inputs.length - 1 }, (_, i) => node.input(i + 1));
  const states = inputs.length - scannedCount(node, inputs.length);
  const [batch = 0, length = 0] = node.shape(states + 1);
  if (node.hasInput(0) && node.integers(0).some((used) => used !== length)) {
    throw node.unsupported("sequence_lens shorter than the sequence are not supported");
  }
  const reverse = listOf(node, "directions", inputs.length - states).map(isReverse);
  const samples = Array.from({ length: batch }, (_, sample) => {
    const own = inputs.map((value) => sampleOf(node, value, sample));
    const scanned = own.slice(states);
    const plan: ScanPlan = { states: own.slice(0, states), scanned, axes: scanned.map(() => 0), reverse };
    return emitScan(node, plan, lowerScanBody(node, plan)).map((value) => {
      return node.reshape(value, [1, ...node.typeOf(value).shape]);
    });
  });
  const [first = []] = samples;
  return first.map((_, i) => {
    const parts = samples.map((results) => results[i] ?? -1);
    return parts.length === 1 ? (parts[0] ?? -1) : node.emitOne({ kind: "concat", inputs: parts, axis: 0 });
  });
}

/** One sample of a batch, without the batch axis. */
function sampleOf(node: NodeContext, value: ValueId, sample: number): ValueId {
  const { shape } = node.typeOf(value);
  const rest = shape.slice(1);
  const starts = [sample, ...rest.map(() => 0)];
  const slice = node.emitOne({
    kind: "slice",
    inputs: [value],
    starts,
    sizes: [1, ...rest],
    steps: shape.map(() => 1),
  });
  return node.reshape(slice, rest);
}

const scanAttributes = {
  body: "graph!",
  num_scan_inputs: "int!",
  scan_input_axes: "ints",
  scan_output_axes: "ints",
  scan_input_directions: "ints",
  scan_output_directions: "ints",
} as const;

/** Operators of this family. */
export const scanOperators: readonly OperatorDef[] = [
  {
    domain: "",
    name: "Scan",
    versions: [
      {
        since: 8,
        inputs: [2, Infinity],
        outputs: [1, Infinity],
        attributes: { body: "graph!", num_scan_inputs: "int!", directions: "ints" },
        optionalInputs: [0],
        lower: lowerBatchedScan,
      },
      ...[9, 11, 16, 19, 21, 23, 24, 25].map((since) => ({
        since,
        inputs: [1, Infinity] as const,
        outputs: [1, Infinity] as const,
        attributes: scanAttributes,
        lower: lowerScan,
      })),
    ],
  },
];
