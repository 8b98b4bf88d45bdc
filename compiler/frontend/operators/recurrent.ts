/**
 * LSTM, GRU and RNN: one `recurrent` op per direction, the directions joined afterwards. Layout 1 (batch first) is transposed to ONNX's
 * default (time first) and back.
 */
import type { DType } from "../../../ir/dtype.ts";
import { arg, type Expr } from "../../../ir/expr.ts";
import type { RecurrentOp, ValueId } from "../../../ir/graph.ts";
import type { NodeContext, OperatorDef } from "../operator.ts";
import { type Activation, activationFunctions } from "./recurrent-activations.ts";
import { computeDType, toDType } from "./precision.ts";
import { concatOf, literal, sliceOf } from "./support.ts";
import { type Attributes, operator } from "./table.ts";

type Cell = RecurrentOp["cell"];

/** Gates of a cell, its default activations, and whether it has a cell state beside the hidden one. */
const cells: Readonly<Record<Cell, { readonly gates: number; readonly activations: readonly string[] }>> = {
  lstm: { gates: 4, activations: ["sigmoid", "tanh", "tanh"] },
  gru: { gates: 3, activations: ["sigmoid", "tanh"] },
  rnn: { gates: 1, activations: ["tanh"] },
};

export interface Direction {
  readonly index: number;
  readonly reverse: boolean;
}

export function directionsOf(node: NodeContext): readonly Direction[] {
  const direction = node.string("direction", "forward").toLowerCase();
  const forward = { index: 0, reverse: false };
  if (direction === "forward") return [forward];
  if (direction === "reverse") return [{ index: 0, reverse: true }];
  if (direction === "bidirectional") return [forward, { index: 1, reverse: true }];
  throw node.attributeError(`there is no direction ${JSON.stringify(direction)}`);
}

function activationNamed(node: NodeContext, name: string): Activation {
  const activation = activationFunctions.get(name.toLowerCase());
  if (activation === undefined) throw node.attributeError(`there is no activation ${JSON.stringify(name)}`);
  return activation;
}

/** The activations of all directions; alphas and betas are handed out, in order, to the functions that take one. */
function activationsOf(node: NodeContext, cell: Cell, directions: number, dtype: DType): readonly Expr[] {
  const defaults = Array.from({ length: directions }, () => cells[cell].activations).flat();
  const names = node.strings("activations") ?? defaults;
  if (names.length !== defaults.length) {
    throw node.attributeError(`${names.length} activations are given, ${defaults.length} are needed`);
  }
  const alphas = [...(node.floats("activation_alpha") ?? [])];
  const betas = [...(node.floats("activation_beta") ?? [])];
  return names.map((name) => {
    const { alpha, beta, build } = activationNamed(node, name);
    const a = alpha === null ? 0 : (alphas.shift() ?? alpha);
    const b = beta === null ? 0 : (betas.shift() ?? beta);
    return build(dtype, arg(0), a, b);
  });
}

/** What all directions of a node share. */
interface Layer {
  readonly cell: Cell;
  readonly dtype: DType;
  readonly hidden: number;
  readonly batch: number;
  /** [time, batch, input] */
  readonly x: ValueId;
  readonly lengths: ValueId | null;
  readonly batchFirst: boolean;
  readonly activations: readonly Expr[];
}

/** Weights of one direction, [rows…]; zeros where the node has none. */
function weightsOf(
  node: NodeContext,
  layer: Layer,
  input: number,
  direction: number,
  shape: readonly number[],
): ValueId {
  if (!node.hasInput(input)) return node.broadcastTo(literal(node, layer.dtype, 0), shape);
  const all = toDType(node, layer.dtype, node.input(input));
  return node.reshape(sliceOf(node, all, 0, direction, 1), shape);
}

/** Initial state of one direction, [batch, hidden]. */
function stateOf(node: NodeContext, layer: Layer, input: number, direction: number): ValueId {
  const shape = [layer.batch, layer.hidden];
  if (!node.hasInput(input)) return node.broadcastTo(literal(node, layer.dtype, 0), shape);
  const all = toDType(node, layer.dtype, node.input(input));
  return node.reshape(sliceOf(node, all, layer.batchFirst ? 1 : 0, direction, 1), shape);
}

function emitDirection(node: NodeContext, layer: Layer, { index, reverse }: Direction): readonly ValueId[] {
  const { cell, hidden } = layer;
  const { gates, activations } = cells[cell];
  const width = node.typeOf(layer.x).shape[2] ?? 0;
  const inputs = [
    layer.x,
    weightsOf(node, layer, 1, index, [gates * hidden, width]),
    weightsOf(node, layer, 2, index, [gates * hidden, hidden]),
    weightsOf(node, layer, 3, index, [2 * gates * hidden]),
    stateOf(node, layer, 5, index),
  ];
  if (cell === "lstm") inputs.push(stateOf(node, layer, 6, index), weightsOf(node, layer, 7, index, [3 * hidden]));
  if (layer.lengths !== null) inputs.push(layer.lengths);
  return node.emit({
    kind: "recurrent",
    cell,
    inputs,
    reverse,
    hasLengths: layer.lengths !== null,
    activations: layer.activations.slice(index * activations.length, (index + 1) * activations.length),
    clip: node.float("clip") ?? null,
    linearBeforeReset: node.int("linear_before_reset", 0) !== 0,
    inputForget: node.int("input_forget", 0) !== 0,
  });
}

function layerOf(node: NodeContext, cell: Cell, directions: number): Layer {
  const declared = node.dtype(0);
  const dtype = computeDType(declared);
  const batchFirst = node.int("layout", 0) !== 0;
  const x = toDType(node, dtype, batchFirst ? node.transpose(node.input(0), [1, 0, 2]) : node.input(0));
  const weights = node.shape(2);
  const [, batch = 0] = node.typeOf(x).shape;
  const hidden = weights[2] ?? 0;
  if (weights.length !== 3 || node.typeOf(x).shape.length !== 3) throw node.shapeError("X, W and R must have rank 3");
  if (weights[0] !== directions)
    throw node.shapeError(`R is for ${weights[0] ?? 0} directions, the node has ${directions}`);
  if (node.int("hidden_size", hidden) !== hidden) {
    throw node.shapeError(`hidden_size is ${node.int("hidden_size", hidden)}, R is for ${hidden}`);
  }
  const lengths = node.hasInput(4) ? toDType(node, "i32", node.input(4)) : null;
  return {
    cell,
    dtype,
    hidden,
    batch,
    x,
    lengths,
    batchFirst,
    activations: activationsOf(node, cell, directions, dtype),
  };
}

const recurrent = (cell: Cell) => (node: NodeContext) => {
  const directions = directionsOf(node);
  const layer = layerOf(node, cell, directions.length);
  const results = directions.map((direction) => emitDirection(node, layer, direction));
  const { hidden, batch, batchFirst } = layer;
  const declared = node.dtype(0);
  return (results[0] ?? []).map((_, output) => {
    const parts = results.map((values) => values[output] as ValueId);
    const steps = output === 0 ? [node.typeOf(layer.x).shape[0] ?? 0] : [];
    // Y: [time, directions, batch, hidden]; the last states: [directions, batch, hidden]
    const stacked = concatOf(
      node,
      parts.map((part) => node.reshape(part, [...steps, 1, batch, hidden])),
      steps.length,
    );
    const perm = output === 0 ? [2, 0, 1, 3] : [1, 0, 2];
    return toDType(node, declared, batchFirst ? node.transpose(stacked, perm) : stacked);
  });
};

const common: Attributes = {
  activation_alpha: "floats",
  activation_beta: "floats",
  activations: "strings",
  clip: "float",
  direction: "string",
  hidden_size: "int",
};
const lstmAttributes: Attributes = { ...common, input_forget: "int" };
const gruAttributes: Attributes = { ...common, linear_before_reset: "int" };

const shared = { inputs: [3, 6], outputs: [0, 2], optionalInputs: [3, 4] } as const;

/** Operators of this family. */
export const recurrentOperators: readonly OperatorDef[] = [
  operator("LSTM", recurrent("lstm"), [
    { since: 7, inputs: [3, 8], outputs: [0, 3], optionalInputs: [3, 4, 5, 6], attributes: lstmAttributes },
    { since: [14, 22], attributes: { ...lstmAttributes, layout: "int" } },
  ]),
  operator("GRU", recurrent("gru"), [
    { since: 7, ...shared, attributes: gruAttributes },
    { since: [14, 22], attributes: { ...gruAttributes, layout: "int" } },
  ]),
  operator("RNN", recurrent("rnn"), [
    { since: 7, ...shared, attributes: common },
    { since: [14, 22], attributes: { ...common, layout: "int" } },
  ]),
];
