/**
 * DynamicQuantizeLSTM of com.microsoft: an LSTM with weights of 8 bits whose input, and whose hidden state in each step, are quantized by their own
 * range. It is described by other operators: one Scan per direction. https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md
 *
 * The range of a hidden state is taken over the whole batch, as onnxruntime does with one thread; with more it may take parts of the batch.
 */
import { dtypeInfo } from "../../../ir/dtype.ts";
import { scalarTensor, tensorFrom } from "../../../ir/tensor.ts";
import { GraphWriter, intAttribute } from "../graph-writer.ts";
import type { OnnxGraph } from "../onnx.ts";
import type { NodeContext, OperatorDef } from "../operator.ts";
import { type Direction, directionsOf } from "./recurrent.ts";
import { type ActivationName, activationNodes, activationsNamed } from "./recurrent-nodes.ts";
import { range } from "./support.ts";
import { operatorOf } from "./table.ts";

const at = {
  x: 0,
  w: 1,
  r: 2,
  bias: 3,
  lengths: 4,
  hidden: 5,
  cell: 6,
  peepholes: 7,
  wScale: 8,
  wZero: 9,
  rScale: 10,
  rZero: 11,
} as const;

/** Sizes, checked against each other. */
interface Sizes {
  readonly steps: number;
  readonly batch: number;
  readonly width: number;
  readonly hidden: number;
}

function sizesOf(node: NodeContext, directions: number): Sizes {
  const [steps = 0, batch = 0, width = 0] = node.shape(at.x);
  const hidden = node.int("hidden_size", node.shape(at.r)[1] ?? 0);
  const expect = (index: number, shapes: readonly (readonly number[])[]): void => {
    if (!node.hasInput(index)) return;
    const actual = node.shape(index).join();
    if (!shapes.some((shape) => shape.join() === actual)) {
      const wanted = shapes.map((shape) => `[${shape.join(",")}]`).join(" or ");
      throw node.shapeError(`input ${index} is [${actual}], must be ${wanted}`);
    }
  };
  if (node.rank(at.x) !== 3) throw node.shapeError(`X is [${node.shape(at.x).join(",")}], must have rank 3`);
  expect(at.w, [[directions, width, 4 * hidden]]);
  expect(at.r, [[directions, hidden, 4 * hidden]]);
  expect(at.bias, [[directions, 8 * hidden]]);
  expect(at.lengths, [[batch]]);
  for (const index of [at.hidden, at.cell]) expect(index, [[directions, batch, hidden]]);
  expect(at.peepholes, [[directions, 3 * hidden]]);
  for (const index of [at.wScale, at.wZero, at.rScale, at.rZero])
    expect(index, [[directions], [directions, 4 * hidden]]);
  for (const index of [at.w, at.r]) {
    if (dtypeInfo(node.dtype(index)).bits !== 8)
      throw node.typeError(`elements must be i8 or u8, not ${node.dtype(index)}`);
  }
  return { steps, batch, width, hidden };
}

/** What the parts of one direction share while they are written. */
interface Layer {
  readonly node: NodeContext;
  readonly sizes: Sizes;
  readonly activations: readonly ActivationName[];
  readonly direction: Direction;
}

const ints = (...list: readonly number[]): ReturnType<typeof tensorFrom> => tensorFrom("i64", [list.length], list);

/** One direction's part of an input, [1, ...] dropped. */
function partOf(graph: GraphWriter, { node, direction }: Layer, index: number): string {
  const part = graph.constant(scalarTensor("i64", BigInt(direction.index)));
  return graph.node("Gather", [node.node.inputs[index] ?? "", part], { attributes: { axis: intAttribute(0) } });
}

/** `count` parts of `size` columns each of a vector. */
const partsOf = (graph: GraphWriter, value: string, count: number, size: number, axis: number): string[] =>
  graph.nodes("Split", [value, graph.constant(ints(...range(count).map(() => size)))], count, {
    attributes: { axis: intAttribute(axis) },
  });

/** The order of the steps turned around within each sample's length. */
function turned(graph: GraphWriter, { node, sizes }: Layer, value: string): string {
  const lengths = node.hasInput(at.lengths)
    ? graph.node("Cast", [node.node.inputs[at.lengths] ?? ""], { attributes: { to: intAttribute(7) } })
    : graph.constant(ints(...range(sizes.batch).map(() => sizes.steps)));
  const attributes = { batch_axis: intAttribute(1), time_axis: intAttribute(0) };
  return graph.node("ReverseSequence", [value, lengths], { attributes });
}

/** A value quantized by its range and multiplied by one direction's weights: in f32. */
function product(
  graph: GraphWriter,
  layer: Layer,
  value: string,
  weights: number,
  scales: number,
  zeros: number,
): string {
  const [quantized = "", scale = "", zero = ""] = graph.nodes("DynamicQuantizeLinear", [value], 3);
  // zero points of columns are all alike
  const first = graph.node("Slice", [
    graph.node("Reshape", [partOf(graph, layer, zeros), graph.constant(ints(-1))]),
    graph.constant(ints(0)),
    graph.constant(ints(1)),
  ]);
  const inputs = [quantized, partOf(graph, layer, weights), zero, graph.node("Squeeze", [first])];
  const sum = graph.node("Cast", [graph.node("MatMulInteger", inputs)], { attributes: { to: intAttribute(1) } });
  return graph.node("Mul", [sum, graph.node("Mul", [scale, partOf(graph, layer, scales)])]);
}

/** Input gates of all steps, [steps, batch, 4 hidden]; what lies behind the longest sample does not count for the range. */
function inputGates(graph: GraphWriter, layer: Layer): string {
  const { node, sizes, direction } = layer;
  const x = node.node.inputs[at.x] ?? "";
  const ordered = direction.reverse ? turned(graph, layer, x) : x;
  if (!node.hasInput(at.lengths)) return product(graph, layer, ordered, at.w, at.wScale, at.wZero);
  const longest = graph.node("ReduceMax", [node.node.inputs[at.lengths] ?? ""]);
  const step = graph.constant(tensorFrom("i32", [sizes.steps, 1, 1], range(sizes.steps)));
  const zero = graph.constant(scalarTensor("f32", 0));
  const counted = graph.node("Where", [graph.node("Less", [step, longest]), ordered, zero]);
  return product(graph, layer, counted, at.w, at.wScale, at.wZero);
}

/** An initial state [batch, hidden]. */
function initial(graph: GraphWriter, layer: Layer, index: number): string {
  const { batch, hidden } = layer.sizes;
  if (layer.node.hasInput(index)) return partOf(graph, layer, index);
  return graph.constant(
    tensorFrom(
      "f32",
      [batch, hidden],
      range(batch * hidden).map(() => 0),
    ),
  );
}

/** One step of the cell: gates [batch, 4 hidden] in the order i, o, f, c. */
function cellStep(
  graph: GraphWriter,
  layer: Layer,
  gates: string,
  cell: string,
): { readonly hidden: string; readonly cell: string } {
  const { node, sizes, activations } = layer;
  const [f, g, h] = activations as readonly [ActivationName, ActivationName, ActivationName];
  const parts = partsOf(graph, gates, 4, sizes.hidden, 1);
  const peepholes = node.hasInput(at.peepholes)
    ? partsOf(graph, partOf(graph, layer, at.peepholes), 3, sizes.hidden, 0)
    : [];
  const limit = node.float("clip");
  const gate = (index: number, peephole: string | undefined, state: string, activation: ActivationName): string => {
    const seen =
      peephole === undefined
        ? parts[index]
        : graph.node("Add", [parts[index] ?? "", graph.node("Mul", [peephole, state])]);
    const bounds =
      limit === undefined ? [] : [-limit, limit].map((bound) => graph.constant(scalarTensor("f32", bound)));
    const clipped = limit === undefined ? seen : graph.node("Clip", [seen ?? "", ...bounds]);
    return activationNodes(graph, activation, clipped ?? "");
  };
  const input = gate(0, peepholes[0], cell, f);
  const one = graph.constant(scalarTensor("f32", 1));
  const forget = node.int("input_forget", 0) !== 0 ? graph.node("Sub", [one, input]) : gate(2, peepholes[2], cell, f);
  const candidate = gate(3, undefined, cell, g);
  const next = graph.node("Add", [graph.node("Mul", [forget, cell]), graph.node("Mul", [input, candidate])]);
  const output = gate(1, peepholes[1], next, f);
  return { hidden: graph.node("Mul", [output, activationNodes(graph, h, next)]), cell: next };
}

/** Both halves of the bias of one direction in one, or nothing. */
function biasOf(graph: GraphWriter, layer: Layer): string | null {
  if (!layer.node.hasInput(at.bias)) return null;
  return graph.node("Add", partsOf(graph, partOf(graph, layer, at.bias), 2, 4 * layer.sizes.hidden, 0));
}

/** One step: states are hidden, cell and the step's number, then the last hidden and cell that count; scanned are the input's gates. */
function stepBody(graph: GraphWriter, layer: Layer, bias: string | null): OnnxGraph {
  const [hidden = "", cell = "", step = "", lastHidden = "", lastCell = "", gates = ""] = [
    "h",
    "c",
    "t",
    "yh",
    "yc",
    "g",
  ].map((name) => graph.input(name));
  const recurrent = graph.node("Add", [gates, product(graph, layer, hidden, at.r, at.rScale, at.rZero)]);
  const next = cellStep(graph, layer, bias === null ? recurrent : graph.node("Add", [recurrent, bias]), cell);
  const nextStep = graph.node("Add", [step, graph.constant(scalarTensor("i32", 1))]);
  if (!layer.node.hasInput(at.lengths)) {
    return graph.finish([next.hidden, next.cell, nextStep, next.hidden, next.cell, next.hidden]);
  }
  const lengths = graph.node("Unsqueeze", [layer.node.node.inputs[at.lengths] ?? "", graph.constant(ints(1))]);
  const counts = graph.node("Less", [step, lengths]);
  const chosen = (x: string, y: string): string => graph.node("Where", [counts, x, y]);
  const shown = chosen(next.hidden, graph.constant(scalarTensor("f32", 0)));
  const kept = chosen(next.cell, cell);
  return graph.finish([shown, kept, nextStep, chosen(next.hidden, lastHidden), chosen(next.cell, lastCell), shown]);
}

/** Results of one direction, each with a dim of 1 for it: Y [steps, 1, batch, hidden], Y_h and Y_c [1, batch, hidden]. */
function directionResults(graph: GraphWriter, layer: Layer): readonly [y: string, yh: string, yc: string] {
  const { sizes, direction } = layer;
  const zeros = graph.constant(
    tensorFrom(
      "f32",
      [sizes.batch, sizes.hidden],
      range(sizes.batch * sizes.hidden).map(() => 0),
    ),
  );
  const bias = biasOf(graph, layer);
  const body = stepBody(graph.inner(), layer, bias);
  const start = graph.constant(scalarTensor("i32", 0));
  const inputs = [
    initial(graph, layer, at.hidden),
    initial(graph, layer, at.cell),
    start,
    zeros,
    zeros,
    inputGates(graph, layer),
  ];
  const attributes = { body: { kind: "graph", value: body }, num_scan_inputs: intAttribute(1) } as const;
  const [, , , hidden = "", cell = "", stacked = ""] = graph.nodes("Scan", inputs, 6, { attributes });
  const y = direction.reverse ? turned(graph, layer, stacked) : stacked;
  const apart = (value: string, axis: number): string => graph.node("Unsqueeze", [value, graph.constant(ints(axis))]);
  return [apart(y, 1), apart(hidden, 0), apart(cell, 0)];
}

function dynamicQuantizeLstm(node: NodeContext): OnnxGraph {
  const directions = directionsOf(node);
  const sizes = sizesOf(node, directions.length);
  const names = activationsNamed(node, directions.length);
  const graph = GraphWriter.for(node.node);
  const results = directions.map((direction) => {
    const activations = names.slice(3 * direction.index, 3 * direction.index + 3);
    return directionResults(graph, { node, sizes, activations, direction });
  });
  const joined = [0, 1, 2].map((output) => {
    const parts = results.map((values) => values[output] ?? "");
    return graph.node("Concat", parts, { attributes: { axis: intAttribute(output === 0 ? 1 : 0) } });
  });
  return graph.finish(joined);
}

/** Operators of this family. */
export const dynamicQuantizeLstmOperators: readonly OperatorDef[] = [
  operatorOf("com.microsoft", "DynamicQuantizeLSTM", dynamicQuantizeLstm, [
    {
      since: 1,
      inputs: [12, 12],
      outputs: [0, 3],
      optionalInputs: [3, 4, 5, 6, 7],
      attributes: {
        activation_alpha: "floats",
        activation_beta: "floats",
        activations: "strings",
        clip: "float",
        direction: "string",
        hidden_size: "int",
        input_forget: "int",
      },
    },
  ]),
];
