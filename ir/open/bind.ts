/** Open graph + sizes of its symbols -> graph of known shapes: what an open graph means. */
import { nth } from "../access.ts";
import { brokenCondition } from "../assumptions.ts";
import { GraphBuilder } from "../builder.ts";
import { type Dim, type DimBinding, evaluateDim } from "../dim.ts";
import { fail } from "../diagnostic.ts";
import { type Graph, type OpSpec, tensorType, type ValueId } from "../graph.ts";
import { toChannelsFirst, toChannelsLast } from "../image-layout.ts";
import { elementCount, type TensorData, tensorFrom } from "../tensor.ts";
import type { AttentionOp, OpenGraph, OpenOp } from "./graph.ts";

/** Throws WSC7002 for sizes that the graph does not admit. */
export function bindGraph(graph: OpenGraph, binding: DimBinding): Graph {
  const broken = brokenCondition(graph.conditions, binding);
  if (broken !== null)
    throw fail("WSC7002", `the graph does not hold for these sizes: ${broken}`, { subject: graph.name });
  const builder = new GraphBuilder(graph.name);
  const mapped = new Map<ValueId, ValueId>();
  const sizes = (dims: readonly Dim[]): number[] => dims.map((dim) => evaluateDim(dim, binding));
  const bound = (id: ValueId): ValueId => {
    const known = mapped.get(id);
    if (known !== undefined) return known;
    const { constant, name } = nth(graph.values, id);
    if (constant === undefined) throw new Error(`internal: %${id} is read before it is defined`);
    return remember(id, builder.constant(constant, name));
  };
  const remember = (id: ValueId, value: ValueId): ValueId => {
    mapped.set(id, value);
    return value;
  };
  for (const { name, value } of graph.inputs) {
    const { dtype, dims } = nth(graph.values, value).type;
    remember(value, builder.input(name, tensorType(dtype, sizes(dims))));
  }
  for (const op of graph.ops) {
    const output = nth(op.outputs, 0);
    const inputs = op.inputs.map(bound);
    const { name } = nth(graph.values, output);
    const constant = boundConstant(op, sizes);
    const value =
      constant === null
        ? builder.emitOne(boundSpec(op, inputs, sizes, builder), { origin: op.origin, names: [name] })
        : builder.constant(constant, name);
    remember(output, value);
  }
  for (const { name, value } of graph.outputs) builder.output(name, bound(value));
  return builder.finish();
}

type Sizes = (dims: readonly Dim[]) => number[];

/** Sizes and counts are constants of a graph of known shapes. */
function boundConstant(op: OpenOp, sizes: Sizes): TensorData | null {
  if (op.kind === "sizes") return tensorFrom(op.dtype, op.shape, sizes(op.elements));
  if (op.kind !== "count") return null;
  const [start, size] = [nth(sizes([op.start]), 0), nth(sizes([op.size]), 0)];
  return tensorFrom(
    op.dtype,
    [size],
    Array.from({ length: size }, (_, i) => start + i * op.step),
  );
}

function boundSpec(op: OpenOp, inputs: readonly ValueId[], sizes: Sizes, builder: GraphBuilder): OpSpec {
  switch (op.kind) {
    case "reshape":
      return { kind: "reshape", inputs, shape: sizes(op.shape) };
    case "slice":
      return { kind: "slice", inputs, starts: sizes(op.starts), sizes: sizes(op.sizes), steps: op.steps };
    case "pool":
      return { ...withoutResults(op), inputs, outputSpatial: sizes(op.outputSpatial) };
    case "pad":
      return { ...withoutResults(op), inputs, before: sizes(op.before), after: sizes(op.after) };
    case "convTranspose":
      return boundConvTranspose(op, inputs, builder);
    case "repeat":
      return boundRepeat(op.origin, nth(inputs, 0), op.factors, builder);
    case "expand":
      return boundExpand(op.origin, nth(inputs, 0), sizes(op.shape), builder);
    case "attention":
      return boundAttention(op, inputs, builder);
    case "sizes":
    case "count":
      throw new Error(`internal: ${op.kind} is bound to a constant`);
    default: {
      const { outputs: _, origin: __, ...spec } = op;
      return { ...spec, inputs };
    }
  }
}

function withoutResults<O extends OpenOp>({ outputs: _, origin: __, ...spec }: O): Omit<O, "outputs" | "origin"> {
  return spec;
}

/** Graphs of known shapes have transposed convolutions channels-first only. */
function boundConvTranspose(
  op: Extract<OpenOp, { kind: "convTranspose" }>,
  inputs: readonly ValueId[],
  builder: GraphBuilder,
): OpSpec {
  const { layout, ...spec } = withoutResults(op);
  if (layout === "nchw") return { ...spec, inputs };
  const { origin } = op;
  const rank = spec.strides.length + 2;
  const isImage = (index: number): boolean => index !== 1;
  const turned = inputs.map((value, index) =>
    isImage(index) && builder.tensorTypeOf(value).shape.length === rank
      ? builder.emitOne({ kind: "transpose", inputs: [value], perm: toChannelsFirst(rank) }, { origin })
      : value,
  );
  const result = builder.emitOne({ ...spec, inputs: turned }, { origin });
  return { kind: "transpose", inputs: [result], perm: toChannelsLast(rank) };
}

/** [n, m] -> [n, 1, m, 1] -> [n, f, m, g] -> [n * f, m * g] */
function boundRepeat(origin: readonly string[], x: ValueId, factors: readonly number[], builder: GraphBuilder): OpSpec {
  const { shape } = builder.tensorTypeOf(x);
  const apart = shape.flatMap((size) => [size, 1]);
  const wide = shape.flatMap((size, axis) => [size, nth(factors, axis)]);
  const source = builder.emitOne({ kind: "reshape", inputs: [x], shape: apart }, { origin });
  const repeated = builder.emitOne(boundExpand(origin, source, wide, builder), { origin });
  return { kind: "reshape", inputs: [repeated], shape: shape.map((size, axis) => size * nth(factors, axis)) };
}

/** The scores, what is done to them, their softmax; the product with the values is what is left. */
function boundAttention({ epilogue, origin }: AttentionOp, inputs: readonly ValueId[], builder: GraphBuilder): OpSpec {
  const [q, k, v] = [nth(inputs, 0), nth(inputs, 1), nth(inputs, 2)];
  const product = { kind: "matmul", transposeA: false, epilogue: null } as const;
  const emit = (spec: OpSpec): ValueId => builder.emitOne(spec, { origin });
  const scores = emit({ ...product, inputs: [q, k], transposeB: true });
  const done = epilogue === null ? scores : emit({ kind: "map", expr: epilogue, inputs: [scores, ...inputs.slice(3)] });
  const axis = builder.tensorTypeOf(done).shape.length - 1;
  return { ...product, inputs: [emit({ kind: "softmax", inputs: [done], axis, log: false }), v], transposeB: false };
}

/** A dim of 1 is repeated by padding with its edge, as everywhere in graphs of known shapes. */
function boundExpand(origin: readonly string[], x: ValueId, shape: readonly number[], builder: GraphBuilder): OpSpec {
  const own = builder.tensorTypeOf(x).shape;
  const ranked = [...new Array<number>(shape.length - own.length).fill(1), ...own];
  if (elementCount(ranked) === elementCount(shape)) return { kind: "reshape", inputs: [x], shape };
  const source =
    ranked.length === own.length ? x : builder.emitOne({ kind: "reshape", inputs: [x], shape: ranked }, { origin });
  const after = shape.map((size, axis) => size - nth(ranked, axis));
  return { kind: "pad", mode: "edge", inputs: [source], before: shape.map(() => 0), after };
}
